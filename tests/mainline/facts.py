"""The facts of a record, for tests that need only a few of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

from mainline.data.collect import Collected
from mainline.training.facts import Facts, ModelFacts
from mainline.training.fingerprint import Parts

PARTS = Parts(
    tables={"visits": "a"},
    clock="2026-03-02T00:00:00+00:00",
    prepare={"features": {"numeric": ["minutes"], "categorical": []}},
    code={"src/shop/frame.py": "aa"},
    packages={"numpy": "2.0"},
    python="3.11 x86_64",
    task="binary",
    split={"by": "time"},
    train={"threads": 1},
)
VISITS = Collected(
    name="visits",
    paths=[Path("data/raw/visits.csv")],
    format="csv",
    columns={"visit": "BIGINT", "bought": "BOOLEAN", "at": "TIMESTAMP"},
    delimiter=",",
    time="at",
    timezone="UTC",
    known_after=None,
    known_ahead=False,
    before=dt.datetime(2026, 3, 2, tzinfo=dt.UTC),
    digest="a",
    rows=60,
    start="2026-01-01T00:00:00+00:00",
    end="2026-03-01T00:00:00+00:00",
)
FACTS = Facts(
    created="2026-03-02T10:00:00+00:00",
    fingerprint="f" * 64,
    frame="e" * 64,
    parts=PARTS,
    commit="c" * 40,
    clean=True,
    task="binary",
    classes=[False, True],
    model=ModelFacts(digest="d" * 64, bytes=12345, seconds=1.5),
    tables={"visits": VISITS},
    rows={"train": 40, "holdout": 20, "unlabelled": 5},
    period={"train_start": "2026-01-01T00:00:00+00:00"},
    label_coverage=0.75,
)


def facts(digest: str | None = None, tables: dict[str, str] | None = None, **changes: Any) -> Facts:
    """`digest` is the model's, `tables` are the digests of the fingerprint's tables."""
    found = dataclasses.replace(FACTS, **changes)
    if digest is not None:
        found = dataclasses.replace(found, model=dataclasses.replace(found.model, digest=digest))
    if tables is not None:
        found = dataclasses.replace(found, parts=dataclasses.replace(found.parts, tables=tables))
    return found
