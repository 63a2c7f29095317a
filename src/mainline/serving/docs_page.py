"""The page at /docs: one self-contained file, with a request to try."""

from __future__ import annotations

import json
from html import escape

from mainline.serving.openapi import cell, describe, examples, key_cell, meaning
from mainline.serving.settings import Configuration
from mainline.serving.signature import Column, Key, Signature

STYLE = """
:root { color-scheme: light dark; --page: #f6f7f8; --surface: #fff; --ink: #1a1e23; --muted: #5c6570; --line: #e3e6ea;
  --code: #eef0f3; --accent: #0a64b4; }
@media (prefers-color-scheme: dark) { :root { --page: #101317; --surface: #181c21; --ink: #e7eaee; --muted: #98a2ae;
  --line: #2b3139; --code: #242a31; --accent: #62aef5; } }
@media print { :root { --page: #fff; --surface: #fff; --ink: #111; --muted: #555; --line: #d5d8dc; --code: #f1f2f4;
  --accent: #0a64b4; color-scheme: light; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem;
  color: var(--ink); background: var(--page); overflow-wrap: break-word; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; } a { color: var(--accent); }
table { border-collapse: collapse; width: 100%; background: var(--surface); font-size: .92rem; }
th { font-size: .8rem; color: var(--muted); }
th, td { text-align: left; padding: .45rem .8rem; border: 1px solid var(--line); border-width: 1px 0;
  vertical-align: top; }
code, pre, textarea { font: .86rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
td code { background: none; } td:first-child { min-width: 9rem; } td:nth-child(2) { min-width: 8rem; }
pre, textarea { background: var(--code); color: inherit; padding: .8rem; border: 1px solid var(--line);
  border-radius: .5rem; width: 100%; overflow: auto; }
button, input { font: inherit; padding: .35rem .9rem; margin: .5rem 0; border-radius: .5rem;
  border: 1px solid var(--line); max-width: 100%; }
button { background: var(--accent); color: var(--surface); border: 0; cursor: pointer; }
@media (max-width: 36rem) { body { padding: 1rem .9rem 2rem; } tr:has(th) { display: none !important; }
  tr, td { display: block; } tr { padding: .4rem 0; border: 1px solid var(--line); border-width: 1px 0; }
  td { border: 0; padding: 0 .6rem; } td:first-child { font-weight: 600; } }
"""

SCRIPT = """
/* Behind a published port or a proxy the server does not know its own address. */
const command = document.querySelector("#command"), here = new URL("invocations", location).href;
command.textContent = command.textContent.replace(/http:[^ ]+/, here);
document.querySelector("button").addEventListener("click", async () => {
  const key = document.querySelector("#key")?.value, headers = {"content-type": "application/json"};
  if (key) headers["x-api-key"] = key;
  const body = document.querySelector("textarea").value;
  const answer = await fetch("invocations", {method: "POST", headers, body});
  document.querySelector("#answer").textContent = answer.status + " " + await answer.text();
});
"""


def page(signature: Signature, version: str, configuration: Configuration) -> str:
    """HTML that describes the model's input and answers."""
    document = describe(signature, version, configuration)
    body = json.dumps(examples(signature)["dataframe_records"], indent=1)
    oneline = json.dumps(examples(signature)["dataframe_records"], separators=(",", ":")).replace("'", "'\\''")
    key = '<p><label>API key <input id="key" type="password"></label></p>' if configuration.api_key else ""
    header = " -H 'x-api-key: …'" if configuration.api_key else ""
    address = f"http://localhost:{configuration.port}/invocations"
    command = f"curl {address}{header} -H 'content-type: application/json' \\\n  -d '{oneline}'"
    rows = "".join([*map(line, signature.columns), *map(line, signature.extra_keys)])
    others = "".join(
        f'<tr><td><a href="{path[1:]}"><code>{path}</code></a></td><td>{escape(entry["get"]["summary"])}</td></tr>'
        for path, entry in document["paths"].items()
        if "get" in entry
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(signature.name)} {escape(version)}</title><style>{STYLE}</style></head><body>
<h1>{escape(signature.name)} {escape(version)}</h1>
<p>{escape(document["info"]["description"])}</p>
<h2>Input</h2>
<table><tr><th>column</th><th>type</th><th></th></tr>{rows}</table>
<h2>Try it</h2>
{key}<textarea rows="{body.count(chr(10)) + 2}" spellcheck="false">{escape(body)}</textarea>
<button>POST /invocations</button>
<pre id="answer">{escape(json.dumps({"predictions": signature.answers[:1]}))}</pre>
<p>{escape(meaning(signature))}</p>
<pre id="command">{escape(command)}</pre>
<p>All formats of MLflow are accepted: <code>dataframe_records</code>, <code>dataframe_split</code>,
<code>instances</code>, <code>inputs</code>, and <code>text/csv</code>. At most {configuration.max_rows:,} rows and
{configuration.max_body:,} bytes per request.</p>
{labels(configuration)}<h2>Other paths</h2>
<table>{others}</table>
<script>{SCRIPT}</script></body></html>
"""


def line(column: Column | Key) -> str:
    described = key_cell(column) if isinstance(column, Key) else cell(column)
    kinds = f"{described['type']}, may be left out" if isinstance(column, Key) else " or ".join(described["type"])
    cells = (f"<code>{escape(column.name)}</code>", kinds, escape(described["description"]))
    return f"<tr>{''.join(f'<td>{text}</td>' for text in cells)}</tr>"


def labels(configuration: Configuration) -> str:
    if not configuration.log:
        return ""
    shown = escape('[{"id": "…", "row": 0, "label": …}]')
    return f"""<h2>Send labels</h2>
<p>POST <code>/feedback</code> with the answer's <code>x-request-id</code>: <code>{shown}</code>, or with the row's key
instead of <code>id</code> and <code>row</code>.</p>
"""
