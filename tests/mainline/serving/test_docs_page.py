"""The server's page for people."""

from __future__ import annotations

import msgspec

from mainline.serving import docs_page
from mainline.serving.settings import Configuration
from tests.exports import Export


def test_names_are_escaped_on_the_page(binary: Export) -> None:
    first = msgspec.structs.replace(binary.signature.columns[0], name="<script>alert(1)</script>")
    columns = [first, *binary.signature.columns[1:]]
    signature = msgspec.structs.replace(binary.signature, name="<b>", columns=columns)
    page = docs_page.page(signature, "1", Configuration())
    assert "<script>alert" not in page
    assert "<b>" not in page
