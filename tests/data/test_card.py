"""What people wrote of the example's model."""

from __future__ import annotations

from mainline.report import model_card
from tests.projects import TOP


def test_the_examples_own_part_says_intended_use_limits_and_licence() -> None:
    given, written = model_card.people_wrote(TOP / model_card.WRITTEN)
    assert given["license"]
    for heading in ("## Intended use", "## Out of scope", "## Limits"):
        assert heading in written
