"""Data Docs: Great Expectations' own page for each table, and an index over them, that open without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.validation.results import Expectation, Severity
from mainline.data.validation.run import Checked, quiet

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

# Great Expectations' page fetches its layout, icons, fonts and scripts from seven hosts, and a logo with a time
# stamp. Nothing of it is needed to read a validation: what follows replaces it. Its templates do not escape the
# data's own strings either, so the pages forbid scripts and every address altogether.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
OUTSIDE = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>|<style></style>"
    r"|@font-face\s*{[^}]*}|background:\s*url\('https?:[^;]*;",
    re.DOTALL | re.IGNORECASE,
)
ACTIONS = re.compile(
    r'<div class="card mb-3">\s*<div class="card-header p-2">\s*<strong>Actions</strong>.*?(?=<div class="card d-md)',
    re.DOTALL,
)
HOME = re.compile(r'href="(?:\.\./)+index\.html"')
ELSEWHERE = re.compile(r'<a\b[^>]*href="(?:https?:|(?:\.\./)+)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 0 auto; padding: 1rem; }
.navbar, nav, ol, ul { height: auto !important; max-height: none !important; list-style: none; padding-left: 0; }
.row { display: flex; flex-wrap: wrap; gap: 1.5rem; }
.col-lg-2 { flex: 0 0 12rem; } .col-md-10 { flex: 1 1 40rem; min-width: 0; } .col-12 { flex: 1 1 100%; }
.card { max-height: none !important; } a { color: #2563b0; } .breadcrumb { display: flex; gap: .5rem; }
.table-responsive { overflow-x: auto; }
h2 { font-size: 1rem; margin-bottom: 0; } p { margin-top: .2rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; }
.badge { border: 1px solid #8886; border-radius: 4px; padding: 0 .3em; white-space: normal; }
.fa-check-circle::before { content: "✓"; color: #1a7f37; } .fa-times::before { content: "✗"; color: #c62828; }
.fa-exclamation-triangle::before { content: "!"; color: #b26a00; }
.failed { color: #c62828; } .warned { color: #b26a00; } .passed { color: #1a7f37; }
@media (prefers-color-scheme: dark) { a { color: #7ab7ff; } body { background: #16181c; color: #e6e6e6; } }
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
<h1>Data Docs</h1>
<table>
<tr><th>Table</th><th>Rows</th><th>Expectations</th><th>Result</th><th>Suite</th></tr>
{rows}
</table>
{findings}
</body>
</html>
"""


def write_docs(checked: Sequence[Checked], folder: Path) -> Path:
    """Write a page a table and `index.html` into `folder`, and return the index.

    The pages are one file each, fetch nothing, and have no scripts: sorting and filtering, which
    Great Expectations' page has with a network, are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table in checked:
        if table.record is not None:
            (folder / f"{table.table}.html").write_text(page(table.record), encoding="utf-8")
    index = folder / "index.html"
    rows = "\n".join(row(table) for table in checked)
    failed = [found for table in checked for found in table.expectations if not found.success]
    findings = "\n".join(finding(found) for found in sorted(failed, key=lambda found: found.severity))
    index.write_text(PAGE.format(policy=POLICY, style=STYLE, rows=rows, findings=findings), encoding="utf-8")
    return index


def page(record: ExpectationSuiteValidationResult) -> str:
    """Great Expectations' page for one table, without what it would fetch."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    with quiet():
        document = ValidationResultsPageRenderer(run_info_at_end=True).render(record)
        written = str(DefaultJinjaPageView().render(document))
    return offline(written)


def offline(written: str) -> str:
    written = ELSEWHERE.sub(r"\1", HOME.sub('href="index.html"', ACTIONS.sub("", OUTSIDE.sub("", written))))
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}</style>\n</head>'
    return written.replace("</head>", head, 1)


def row(table: Checked) -> str:
    failed = [found for found in table.expectations if not found.success]
    critical = sum(found.severity == Severity.critical for found in failed)
    warned = len(failed) - critical
    result = '<span class="passed">passed</span>'
    if failed:
        parts = [(critical, "failed", "critical"), (warned, "warned", "warning")]
        result = ", ".join(f'<span class="{css}">{count} {word}</span>' for count, css, word in parts if count)
    name = escape(table.table)
    linked = f'<a href="{name}.html">{name}</a>' if table.record is not None else name
    rows = table.expectations[0].rows if table.expectations else 0
    cells = [linked, f"{rows:,}", str(len(table.expectations)), result, escape(str(table.suite.path))]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def finding(found: Expectation) -> str:
    """What Great Expectations' page does not have: the severity, the reason, and where it is written."""
    css = "failed" if found.severity == Severity.critical else "warned"
    count = f"{found.unexpected:,} of {found.rows:,} rows" if found.unexpected else found.observed or ""
    parts = [
        f'<h2><span class="{css}">{found.severity}</span> {escape(found.table)}: {escape(found.rule)}</h2>',
        f"<p>{escape(count)}<br>{escape(found.note or '')}<br><code>{escape(found.file)}:{found.line}</code></p>",
    ]
    if found.examples:
        heads = "".join(f"<th>{escape(name)}</th>" for name in found.examples[0])
        lines = ["".join(f"<td>{escape(str(value))}</td>" for value in row.values()) for row in found.examples]
        parts.append("<table>" + "".join(f"<tr>{line}</tr>" for line in [heads, *lines]) + "</table>")
    return "\n".join(parts)
