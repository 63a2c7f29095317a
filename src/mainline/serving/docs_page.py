"""The page at /docs: one file that needs nothing from elsewhere, with a request to try."""

from __future__ import annotations

import json
from html import escape

from mainline.serving.openapi import cell, describe, examples, key_cell, meaning
from mainline.serving.settings import Configuration
from mainline.serving.signature import Column, Key, Signature

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .8rem .3rem 0;
border-bottom: 1px solid #dde3ea; vertical-align: top; } code, pre, textarea { font: 14px/1.4 ui-monospace, monospace; }
pre, textarea { background: #f4f6f8; padding: .8rem; border: 1px solid #dde3ea; border-radius: 4px; width: 100%;
box-sizing: border-box; overflow: auto; } button { font: inherit; padding: .3rem 1rem; margin: .5rem 0; }
@media (prefers-color-scheme: dark) { body { background: #12161c; color: #dfe6ee; }
pre, textarea { background: #1b212a; color: inherit; border-color: #303a46; } th, td { border-color: #303a46; }
a { color: #7db7ff; } }
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
    """HTML that describes the model's input and answers, for people."""
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
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
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
<p>MLflow's forms are all taken: <code>dataframe_records</code>, <code>dataframe_split</code>, <code>instances</code>,
<code>inputs</code>, and <code>text/csv</code>. At most {configuration.max_rows:,} rows and
{configuration.max_body:,} bytes a request.</p>
{labels(configuration)}<h2>What else is here</h2>
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
    return f"""<h2>Tell what became of it</h2>
<p>POST <code>/feedback</code> with the answer's <code>x-request-id</code>: <code>{shown}</code>, or with the row's key
instead of <code>id</code> and <code>row</code>.</p>
"""
