"""`reports/data/index.html`: every table with what its suite says, and each expectation that failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.runtime.atomic_files import write_text

NAME = "index.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

# The looks of the reports, for pages that have no template.
STYLE = """
:root { color-scheme: light dark; --page: #f6f7f8; --surface: #fff; --ink: #1a1e23; --muted: #5c6570; --line: #e3e6ea;
  --code: #eef0f3; --accent: #0a64b4; --good: #0b6e56; --bad: #b3261e; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --page: #101317; --surface: #181c21; --ink: #e7eaee; --muted: #98a2ae;
  --line: #2b3139; --code: #242a31; --accent: #62aef5; --good: #4cc3a1; --bad: #ff8379; --warn: #e5b454; } }
@media print { :root { color-scheme: light; --page: #fff; --surface: #fff; --ink: #111; --muted: #555; --line: #d5d8dc;
  --code: #f1f2f4; --accent: #0a64b4; --good: #0b6e56; --bad: #b3261e; --warn: #8a5a00; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 2rem 1.25rem 4rem;
  color: var(--ink); background: var(--page); overflow-wrap: break-word; }
a { color: var(--accent); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .92rem; }
th, td { border-bottom: 1px solid var(--line); padding: .45rem .8rem .45rem 0; text-align: left; vertical-align: top; }
th { font-size: .8rem; font-weight: 550; color: var(--muted); }
code { font: .86em ui-monospace, monospace; background: var(--code); border-radius: .3em; padding: .1em .35em;
  overflow-wrap: anywhere; }
.failed { color: var(--bad); } .warned { color: var(--warn); } .passed { color: var(--good); }
@page { size: A4; margin: 14mm 13mm; }
@media print { body { font-size: 9.5pt; max-width: none; padding: 0; } tr, article { break-inside: avoid; } }
"""

OVERVIEW = """
h1 { font-size: 1.9rem; margin: 0 0 1rem; } h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
main > div, article { background: var(--surface); border: 1px solid var(--line); border-radius: .9rem;
  padding: 1rem 1.25rem; margin-top: 1rem; overflow-x: auto; }
p { margin: .2rem 0; color: var(--muted); font-size: .92rem; } .n { text-align: right; white-space: nowrap; }
.state { font-weight: 620; white-space: nowrap; }
td:first-child, td:last-child { overflow-wrap: anywhere; min-width: 7rem; }
tr:last-child td { border-bottom: 0; } table { margin: 0; }
article table { width: auto; margin-top: .5rem; } article td { white-space: nowrap; min-width: 0 !important; }
@media (max-width: 36rem) { main > div table { min-width: 34rem; } }
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Data Docs</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Data Docs</h1>
<div><table>
<tr><th>Table</th><th class="n">Rows</th><th class="n">Expectations</th><th>Result</th><th>Suite</th></tr>
{rows}
</table></div>
{findings}
</main>
</body>
</html>
"""


def write(validation: Validation, folder: Path) -> Path:
    """Write the index over the pages of `folder`, and return its path."""
    tables: dict[str, list[Expectation]] = {}
    for found in validation.expectations:
        tables.setdefault(found.table, []).append(found)
    rows = "\n".join(row(name, found, (folder / f"{name}.html").exists()) for name, found in tables.items())
    failed = [*validation.critical, *validation.warnings]
    page = PAGE.format(policy=POLICY, style=STYLE + OVERVIEW, rows=rows, findings="\n".join(map(finding, failed)))
    write_text(folder / NAME, page)
    return folder / NAME


def row(name: str, found: Sequence[Expectation], has_page: bool) -> str:
    failed = [expectation for expectation in found if not expectation.success]
    critical = sum(expectation.severity == Severity.critical for expectation in failed)
    parts = [(critical, "failed", "critical"), (len(failed) - critical, "warned", "warning")]
    said = [f'<span class="state {css}">{count} {word}</span>' for count, css, word in parts if count]
    result = ", ".join(said) or '<span class="state passed">passed</span>'
    text = escape(name)
    cells = [
        f'<td><a href="{text}.html">{text}</a></td>' if has_page else f"<td>{text}</td>",
        f'<td class="n">{max(expectation.rows for expectation in found):,}</td>',
        f'<td class="n">{len(found):,}</td>',
        f"<td>{result}</td>",
        f"<td>{', '.join(f'<code>{escape(file)}</code>' for file in files(found))}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def files(found: Iterable[Expectation]) -> list[str]:
    return list(dict.fromkeys(expectation.file for expectation in found))


def finding(found: Expectation) -> str:
    """What Great Expectations' page does not have: the severity, the reason, and where it is written."""
    css = "failed" if found.severity == Severity.critical else "warned"
    count = f"{found.unexpected:,} of {found.rows:,} rows" if found.unexpected else found.observed or ""
    said = [count, found.note or ""]
    parts = [
        f'<h2><span class="{css}">{found.severity}</span> {escape(found.table)}: {escape(found.rule)}</h2>',
        *(f"<p>{escape(text)}</p>" for text in said if text),
        f"<p><code>{escape(found.file)}:{found.line}</code></p>",
    ]
    if found.examples:
        heads = "".join(f"<th>{escape(str(name))}</th>" for name in found.examples[0])
        lines = ["".join(f"<td>{escape(str(value))}</td>" for value in row.values()) for row in found.examples]
        parts.append("<table>" + "".join(f"<tr>{line}</tr>" for line in [heads, *lines]) + "</table>")
    return "<article>" + "\n".join(parts) + "</article>"
