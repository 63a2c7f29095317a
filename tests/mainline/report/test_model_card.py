from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mainline.config import loader
from mainline.errors import ConfigurationError
from mainline.github.actions import release_page
from mainline.registry.models import Version
from mainline.report import model_card
from mainline.training.record import Record
from tests.mainline.facts import FACTS
from tests.mainline.report.samples import flights
from tests.projects import EXAMPLE

WRITTEN = """\
---
license: apache-2.0
tags: [visits]
---
<!-- for who edits this -->
## Intended use

Which visit ends in a purchase.
"""


def rendered(root: Path, text: str | None = None, exported: bool = False, **tags: str) -> str:
    if text is not None:
        (root / "docs").mkdir(exist_ok=True)
        (root / "docs/model-card.md").write_text(text)
    settings = loader.load(EXAMPLE)
    record = Record(root, FACTS)
    if exported:
        return model_card.of_export(settings.settings, flights(), record, "f" * 12, root)
    return model_card.render(settings, flights(), record, Version(4, tags=tags), "sha256:" + "a" * 64, root)


def front(text: str) -> dict[str, object]:
    _, head, _ = text.split("---\n", 2)
    found: dict[str, object] = yaml.safe_load(head)
    return found


def test_what_people_wrote_is_in_the_card_with_its_front_matter_and_without_its_comments(tmp_path: Path) -> None:
    text = rendered(tmp_path, WRITTEN)
    assert front(text)["license"] == "apache-2.0"
    assert front(text)["tags"] == ["visits"]
    assert "## Intended use\n\nWhich visit ends in a purchase." in text
    assert "for who edits this" not in text


def test_the_licence_is_in_the_text_that_a_release_shows(tmp_path: Path) -> None:
    assert "| licence | not stated |" in release_page.body_of(rendered(tmp_path))
    assert "| licence | apache-2.0 |" in release_page.body_of(rendered(tmp_path, WRITTEN))


def test_where_nobody_wrote_anything_the_card_says_so(tmp_path: Path) -> None:
    text = rendered(tmp_path)
    assert "The intended use of this model is not documented yet" in text
    assert "license" not in front(text), "a licence that nobody chose is not claimed"


def test_every_metric_slice_gap_and_gate_of_the_review_is_in_the_card(tmp_path: Path) -> None:
    review, text = flights(), rendered(tmp_path)
    for metric in review.metrics:
        assert f"| {metric.name} | {metric.candidate.value:.4f} |" in text
        if metric.candidate.low is not None:
            assert f"[{metric.candidate.low:.4f}, {metric.candidate.high:.4f}]" in text
    for part in review.slices:
        assert f"| {part.column} {part.value} | {part.rows:,} |" in text
    for gap in review.gaps:
        assert f"| {gap.column} | {gap.metric} | {gap.candidate:.4f} |" in text
    for gate in review.gates:
        assert f"| {model_card.cell(gate.name)} | {model_card.cell(gate.rule)} |" in text
    for table in review.tables:
        assert f"| {table.name} | {table.rows:,} |" in text
        assert table.digest[:16] in text


def test_the_card_of_an_export_has_what_was_measured_and_nothing_that_only_a_release_knows(tmp_path: Path) -> None:
    review, text = flights(), rendered(tmp_path, WRITTEN, exported=True)
    assert "Which visit ends in a purchase." in text
    assert f"| commit | `{'c' * 40}` |" in text
    for metric in review.metrics:
        assert f"| {metric.name} | {metric.candidate.value:.4f} | {model_card.interval(metric.candidate)} |" in text
    for part in review.slices:
        assert f"| {part.column} {part.value} | {part.rows:,} |" in text
    for word in ("previous champion |", "approved by |", "| image |", "Verdict"):
        assert word in rendered(tmp_path)
        assert word not in text


def test_who_approved_is_said_and_where_nobody_is_known_that_too(tmp_path: Path) -> None:
    assert "| approved by | not recorded |" in rendered(tmp_path)
    assert "| approved by | somebody |" in rendered(tmp_path, approver="somebody")


def test_text_of_a_person_breaks_neither_the_table_nor_the_page(tmp_path: Path) -> None:
    text = rendered(tmp_path, approver="a|b\n# c <script>")
    assert r"| approved by | a\|b # c \<script\> |" in text


@pytest.mark.parametrize("head", ["[1, 2", "- a list", "a: [", "license: x"])
def test_a_front_matter_that_is_none_is_refused_with_its_file(tmp_path: Path, head: str) -> None:
    text = f"---\n{head}\n" if head == "license: x" else f"---\n{head}\n---\ntext\n"
    with pytest.raises(ConfigurationError, match=r"model-card\.md: the front matter"):
        rendered(tmp_path, text)
