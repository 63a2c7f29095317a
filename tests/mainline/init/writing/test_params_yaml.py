"""`params.yaml` as it is written: what is read from it, and what a person sees."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mainline.config import loader
from mainline.init.proposal import Use
from mainline.init.writing import params_yaml
from tests.mainline.init.writing.proposals import bookings, churn

ODD = ["no", "on", "1e5", "a: b", "a:b", "#x", "a #x", "🦉", "x" * 300, "", "~", "2026-01-01", "a\nb", "null", "{"]
NAMES = st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
VALUES = st.recursive(
    st.one_of(
        NAMES, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False), st.dates(dt.date(1970, 1, 1))
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=30), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=40,
)
REASONS = st.text(max_size=300)


@settings(max_examples=25)
@given(st.dictionaries(NAMES, VALUES, max_size=5), st.lists(NAMES, max_size=40), REASONS)
def test_what_is_read_is_what_was_proposed(params: dict[str, Any], names: list[str], reason: str) -> None:
    proposed = {**churn().settings, "train": {"params": params, "more": names}, "none": {"key": [*names]}}
    reasons = {("train", "params", name): reason for name in params} | {("train", "more"): reason}
    uses = {name: Use("left out", reason) for name in names}
    text = params_yaml.render(dataclasses.replace(churn(), settings=proposed, reasons=reasons, uses=uses))
    for reader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load(text, Loader=reader) == proposed


def test_the_settings_are_valid_in_the_schemas_order_and_each_reason_is_found() -> None:
    long = "measured on 90 pairs of equal models of three months, of which 86 pass; " * 2
    proposal = churn()
    proposal = dataclasses.replace(
        proposal,
        settings=dict(reversed(proposal.settings.items())),
        reasons={
            **proposal.reasons,
            ("gates", "margins", "roc_auc"): long,
            ("data", "sources", "customers", "path"): "here",
        },
    )
    text = params_yaml.render(proposal)
    params = loader.parse(text)
    assert [line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()] == [
        name for name in loader.valid_names(()) if name in proposal.settings
    ]
    for path, reason in proposal.reasons.items():
        assert params.reason(*path) == reason.strip()
    assert params.reason("prepare", "key") is None
    assert max(map(len, text.splitlines())) <= 120


def test_a_column_that_is_left_out_stands_below_the_features_with_its_reason() -> None:
    proposal = bookings()
    uses = {**proposal.uses, **{f"x{number}": Use("left out", "constant") for number in range(40)}}
    text = params_yaml.render(dataclasses.replace(proposal, uses=uses))
    after = text.partition("categorical: [channel]\n")[2]
    assert after.startswith("    # Left out:\n    # note: free text: 7 words on average\n    # x0, x1, ")
    assert "x39: constant\n\nsplit:\n" in after
