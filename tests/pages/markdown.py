"""Markdown about as GitHub shows it: its width, its tables, its two looks."""

from __future__ import annotations

from html import escape

from markdown_it import MarkdownIt

GITHUB = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --page: #fff; --line: #d1d9e0; --code: #eff1f3; --link: #0969da; }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --page: #0d1117; --line: #3d444d; --code: #24282f;
  --link: #4493f8; } }
@media print { :root { color-scheme: light; --ink: #000; --page: #fff; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 1012px;
  margin: 0 auto; padding: 32px 16px; overflow-wrap: break-word; }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: 6px 13px; } a { color: var(--link); }
code { font: 85% ui-monospace, monospace; background: var(--code); border-radius: 6px; padding: .2em .4em; }
pre { background: var(--code); padding: 16px; border-radius: 6px; overflow: auto; } pre code { background: none; }
"""


def page(text: str) -> str:
    """A page of the text, its front matter as a block of code."""
    if text.startswith("---\n"):
        head, _, body = text[4:].partition("\n---\n")
        text = f"```yaml\n{head}\n```\n{body}"
    head = f'<meta charset="utf-8"><title>{escape(text[:40])}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{GITHUB.render(text)}</body></html>'
