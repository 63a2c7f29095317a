"""Data Docs: Great Expectations' own page for a table, as it opens without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.data.validation.docs_index import NAME, POLICY, STYLE
from mainline.data.validation.run import Checked, quiet
from mainline.runtime.atomic_files import write_text

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

# Great Expectations' page fetches its layout, icons, fonts and scripts from seven hosts, and a logo with a time
# stamp. Nothing of it is needed to read a validation: what follows replaces it. Its templates do not escape the
# data's own strings either, so the pages forbid scripts and every address altogether.
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

# Its classes, and as much of its framework's grid as its page needs.
LAYOUT = """
.navbar, nav, ol, ul { height: auto !important; max-height: none !important; list-style: none; padding: 0; margin: 0; }
.breadcrumb { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem; }
.row { display: flex; flex-wrap: wrap; gap: .5rem 2rem; }
.col-lg-2 { flex: 0 0 13rem; max-width: 100%; } .col-md-10 { flex: 1 1 36rem; min-width: 0; max-width: 100%; }
.col-12 { flex: 1 1 100%; max-width: 100%; } .col-6 { flex: 1 1 18rem; max-width: 100%; }
.card { max-height: none !important; } .nav-link { display: block; padding: .1rem 0; word-break: normal !important; }
.nav-item, .lead, h4, h5 { overflow-wrap: anywhere; } .lead { color: var(--muted); font-size: .92rem; }
.ge-section { background: var(--surface); border: 1px solid var(--line); border-radius: .9rem;
  padding: 1rem 1.25rem; margin-bottom: 1rem; }
.ge-section .row > * { min-width: 0; } .table-responsive { overflow-x: auto; }
h1, h2, h3, h4, h5 { font-size: 1.1rem; margin: .2rem 0 .4rem; }
h6, .h6 { font-size: .92rem; font-weight: 620; margin: .4rem 0; }
p { margin: .2rem 0 .6rem; } td { overflow-wrap: break-word; } td > table, td .table { margin: .4rem 0; }
.badge { border: 1px solid var(--line); border-radius: .3rem; padding: 0 .3em; white-space: normal; color: inherit; }
.fa-check-circle::before { content: "✓"; color: var(--good); font-weight: 650; }
.fa-times::before { content: "✗"; color: var(--bad); font-weight: 650; }
.fa-exclamation-triangle::before { content: "!"; color: var(--warn); font-weight: 650; }
@media (max-width: 36rem) { body { padding: 1rem .9rem 2rem; } .ge-section { padding: .8rem; } }
"""


def write_page(checked: Checked, folder: Path) -> None:
    """Write the table's page into `folder`; an empty table has none.

    The page is one file, fetches nothing, and has no script: sorting and filtering, which Great
    Expectations' page has with a network, are left out.
    """
    if checked.record is not None:
        write_text(folder / f"{checked.table}.html", page(checked.record))


def page(record: ExpectationSuiteValidationResult) -> str:
    """Great Expectations' page for one table, without what it would fetch."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    with quiet():
        document = ValidationResultsPageRenderer(run_info_at_end=True).render(record)
        written = str(DefaultJinjaPageView().render(document))
    return offline(written)


def offline(written: str) -> str:
    written = ELSEWHERE.sub(r"\1", HOME.sub(f'href="{NAME}"', ACTIONS.sub("", OUTSIDE.sub("", written))))
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<style>{STYLE}{LAYOUT}</style>\n</head>'
    return written.replace("</head>", head, 1)
