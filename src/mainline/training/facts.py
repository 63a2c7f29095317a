"""What a record says of its model in `record.json`, as types.

`FORMAT` names the layout of the file. A field that a later version adds gets a default here, which is what
a record without it means; a field that is not known here is left out. Only a change that older code would
misread raises `FORMAT`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from mainline.data import collect
from mainline.data.collect import Collected
from mainline.errors import ExternalError
from mainline.training.fingerprint import Parts

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1
DIRTY = "dirty"


@dataclass(frozen=True)
class ModelFacts:
    digest: str  # SHA-256 of the pickled pipeline, hex
    bytes: int  # of the pickled pipeline
    seconds: float  # that the fit took


@dataclass(frozen=True)
class Repeats:
    """What came of fitting again with the same data, settings and seeds."""

    fits: int
    models: int  # different digests among them
    largest: float = 0.0  # difference of a prediction on the holdout


@dataclass(frozen=True)
class SizeTrial:
    """A smaller model, measured on a slice of the training rows against the whole one."""

    trees: int  # 0 of a network
    bytes: int  # of the pickled pipeline
    onnx_bytes: int | None  # None where no graph was made
    microseconds: float | None  # a single row of that graph, the median
    metrics: dict[str, float]
    differences: dict[str, list[float | None]]  # value, low, high
    refused: str | None
    used: bool
    graph: str = ""  # of a network: how its weights are written


@dataclass(frozen=True)
class Facts:
    created: str  # ISO 8601, UTC
    fingerprint: str
    frame: str  # the fingerprint of the prepared frame
    parts: Parts  # what the fingerprint was computed from
    commit: str | None  # checked out when the model was trained; None outside a git checkout
    clean: bool  # there were no uncommitted changes, so `commit` made the model: see `made_by`
    task: str
    classes: list[Any]  # the label's values in the order of their codes; empty for a regression
    model: ModelFacts
    tables: dict[str, Collected]  # in the order of data.sources; files of the checkout by their path from its top
    rows: dict[str, int]  # train, holdout, unlabelled, and the unlabelled by status
    period: dict[str, str]  # train_start, train_end, holdout_start, holdout_end; empty without prepare.time
    label_coverage: float  # share of the holdout rows whose label is known
    blocks: str | None = None  # the column of the recorded blocks; None in older records and where each row is one
    repeats: Repeats | None = None  # None where the fit was not repeated
    coverage: dict[str, list[int]] = field(default_factory=dict)  # `label_coverage.measure`; empty in older records
    frameworks: dict[str, str] = field(default_factory=dict)  # installed versions by module, beside scikit-learn's
    rounds: int | None = None  # that early stopping has found; None without it
    image: str | None = None  # digest of the trainer image that it was trained in; None outside one
    sizes: list[SizeTrial] = field(default_factory=list)  # of `export.optimise`; the last is the whole model

    @property
    def made_by(self) -> str | None:
        """The commit whose files made the model; `dirty` where they are in no commit, None outside a checkout."""
        return DIRTY if self.commit and not self.clean else self.commit


def facts_to_json(facts: Facts) -> str:
    """The content of `record.json`. The order of keys is kept: a CSV file's columns are read by position."""
    plain = {field.name: getattr(facts, field.name) for field in dataclasses.fields(facts)}
    if facts.blocks is None:
        del plain["blocks"]
    if facts.repeats is None:
        del plain["repeats"]
    else:
        plain["repeats"] = dataclasses.asdict(facts.repeats)
    if not facts.frameworks:
        del plain["frameworks"]
    if facts.sizes:
        plain["sizes"] = [dataclasses.asdict(trial) for trial in facts.sizes]
    else:
        del plain["sizes"]
    if facts.rounds is None:
        del plain["rounds"]
    if facts.image is None:
        del plain["image"]
    if not facts.coverage:
        del plain["coverage"]  # a record of an earlier version has none
    written = {
        **plain,
        "parts": dataclasses.asdict(facts.parts),
        "model": dataclasses.asdict(facts.model),
        "tables": json.loads(collect.to_json(facts.tables)),
    }
    return json.dumps({"format": FORMAT, **written}, indent=2)


def facts_from_json(text: str, source: object) -> Facts:
    """The facts that `facts_to_json` wrote, by this version or by another with the same `FORMAT`.

    Raises
    ------
    ExternalError
        Where the text is damaged or of another format: it names `source` and the field.
    """
    from pydantic import ValidationError

    try:
        content = json.loads(text)
    except ValueError as error:
        raise unreadable(source, str(error)) from None
    if not isinstance(content, dict):
        raise unreadable(source, "not a JSON object")
    if content.get("format") != FORMAT:
        raise ExternalError(f"{source}: a record of format {content.get('format')}, this code reads {FORMAT}")
    tables = content.get("tables")
    if not isinstance(tables, dict):
        raise unreadable(source, "tables: not a JSON object")
    if tables.get("version") != collect.VERSION:
        raise unreadable(source, f"tables.version: {tables.get('version')}, this code reads {collect.VERSION}")
    try:
        return adapter().validate_json(json.dumps({**content, "tables": tables.get("tables")}), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise unreadable(source, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def unreadable(source: object, reason: str) -> ExternalError:
    return ExternalError(f"{source}: not a readable record ({reason}): delete its folder and run again")


@cache
def adapter() -> TypeAdapter[Facts]:
    from pydantic import TypeAdapter

    return TypeAdapter(Facts)
