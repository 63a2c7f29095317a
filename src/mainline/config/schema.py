"""The types of `params.yaml`: a wrong key or value is refused by name and line."""

from __future__ import annotations

import datetime as dt
import difflib
import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mainline.config.section import Extensible as Extensible
from mainline.config.section import ImportPath as ImportPath
from mainline.config.section import Section as Section
from mainline.config.section import Span as Span
from mainline.config.section import SpanField as SpanField
from mainline.config.section import parse_span as parse_span
from mainline.config.sources import Source as Source


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError(f"unknown time zone {name!r}: use a name such as America/New_York or UTC") from None
    return name


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Names = Annotated[list[str], Field(min_length=1)]
CONTENT = "content"
CONTENT_KEY = "content_key"  # the column that Mainline adds to a table without a key
# By its name, a change of such a module is seen to be a change of what judges the model.
ExtensionModule = Annotated[str, Field(pattern=r"^([A-Za-z_]\w*\.)+extensions(\.[A-Za-z_]\w*)*$")]


class Spark(Section):
    """How `data.engine: spark` runs. The address of a cluster is in the variable `SPARK_REMOTE`."""

    shared: Path | None = Field(
        None,
        description="Folder that this machine and all of the cluster's machines mount under the same path: the frame "
        "goes through it, and files of the sources that lie elsewhere are copied there for the run. By default "
        "everything stays in the checkout, which the cluster must then see.",
    )
    checked_rows: Annotated[int, Field(ge=0)] = Field(
        1_000_000,
        description="DuckDB prepares the frame as well and every row is compared, as long as the tables have no more "
        "rows; of larger ones both prepare the first part in time. 0 compares nothing.",
    )
    least_rows: Annotated[int, Field(ge=0)] = Field(
        1_000_000,
        description="Tables with fewer rows are validated, and frames with fewer rows scored, on this machine, which "
        "takes less time: the result is the same.",
    )
    conf: dict[str, str] = Field(
        {}, description="Spark's own settings, such as `spark.sql.shuffle.partitions`, as texts."
    )


class Data(Section):
    until: dt.date = Field(description="Data cutoff (exclusive): rows known on or after this day are ignored.")
    timezone: Annotated[str, AfterValidator(known_zone)] = Field(
        "UTC", description="Time zone of the midnight at which `until` begins."
    )
    expectations: str = Field("data/expectations", description="Folder of the expectation suites, one file per table.")
    memory_megabytes: Annotated[int, Field(ge=64)] | None = Field(
        None,
        description="DuckDB's memory limit while tables are validated and the frame is prepared; larger data spill to "
        "the folder for temporary files (`TMPDIR`). By default 400 for validation and 1,200 for the frame, and four "
        "fifths of the machine's memory for what cannot spill.",
    )
    engine: Literal["duckdb", "spark"] = Field(
        "duckdb",
        description="What prepares the frame. spark: on this machine, or on the cluster of `SPARK_REMOTE`; the frame "
        "is the same to the bit, or is refused. Needs `make tools WITH=spark`.",
    )
    spark: Spark = Field(Spark(), description="How `engine: spark` runs.")
    sources: Annotated[dict[str, Source], Field(min_length=1)] = Field(
        description="Tables by name: the name in the preparation function, and of the suite `<name>.yaml`."
    )

    @property
    def cutoff(self) -> dt.datetime:
        """The data cutoff as a moment: midnight of `until` in `timezone`, the first that is not known."""
        return dt.datetime.combine(self.until, dt.time(), ZoneInfo(self.timezone))


class Features(Section):
    numeric: list[str] = Field(
        [], description="Numeric columns, stored as 32-bit floats in the frame; `*` in a name stands for any text."
    )
    categorical: list[str] = Field([], description="Categorical columns, stored as text in the frame; `*` as above.")

    @property
    def names(self) -> list[str]:
        return [*self.categorical, *self.numeric]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice:
            raise ValueError(f"listed twice: {', '.join(sorted(twice))}")
        if not self.names:
            raise ValueError("at least one feature is needed")
        return self


def parse_key(value: object) -> object:
    if isinstance(value, str) and value != CONTENT:
        raise ValueError(f"a list of columns, or {CONTENT}: a key that is made from the row's content")
    return [CONTENT_KEY] if value == CONTENT else value


def as_written(value: object) -> object:
    """Values by their text: YAML reads `1` as a number, and `true` as a truth value."""
    if not isinstance(value, dict):
        return value
    return {str(each).lower() if isinstance(each, bool) else str(each): meaning for each, meaning in value.items()}


KEY_SCHEMA = {"anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"enum": [CONTENT]}]}


class Prepare(Section):
    function: ImportPath = Field(description="The project's preparation function: raw tables in, one frame out.")
    key: Annotated[Names, BeforeValidator(parse_key), WithJsonSchema(KEY_SCHEMA)] = Field(
        CONTENT,
        validate_default=True,
        description="Columns that identify a row of the frame. content: a digest of the row's columns, in the column "
        f"`{CONTENT_KEY}` that is added to the table of the rows.",
    )
    key_columns: list[str] = Field(
        [], description="Columns that `key: content` is made from; by default all of the table but the label's."
    )
    time: str | None = Field(
        None, description="Timestamp column of the prediction: every feature must be known at that moment."
    )
    label: str = Field(description="Target column; null where the outcome is not known yet.")
    label_values: Annotated[dict[str, bool], BeforeValidator(as_written)] = Field(
        {},
        description="What the label's values mean (binary), such as `{bad: true, good: false}`, in the table and in "
        "feedback; by default those that say true or false.",
    )
    status: str | None = Field(
        None, description="Column with the reason why a row has no label, for the counts in the report."
    )
    features: Features = Field(description="Allow-list of features: no other column reaches the estimator.")
    time_travel_checks: Annotated[int, Field(ge=0, le=20)] = Field(
        2,
        description="Earlier moments at which the frame is prepared again, to detect columns that use the future.",
    )

    @property
    def by_content(self) -> bool:
        """Whether the table has no key, and gets one from the content of its rows."""
        return self.key == [CONTENT_KEY]

    @model_validator(mode="after")
    def _columns_of_a_made_key(self) -> Self:
        if self.key_columns and not self.by_content:
            raise ValueError("key_columns are the columns of a key that is made: they need `key: content`")
        return self


class Split(Section):
    by: Literal["time", "hash"] = Field(
        description="time: the latest rows are the holdout. hash: a stable share, by a hash of the key."
    )
    holdout: SpanField | Annotated[float, Field(gt=0, lt=1)] = Field(
        description="By time: length of the holdout window that ends at `data.until`. By hash: share of the keys."
    )
    group: str | None = Field(
        None,
        description="By hash: a column whose rows of one value, such as of one customer, are all on one side; by "
        "default each key for itself.",
    )

    @model_validator(mode="after")
    def _matching(self) -> Self:
        if (self.by == "time") != isinstance(self.holdout, Span):
            raise ValueError(
                "with `by: time` the holdout is a length of time ('1 month'), with `by: hash` a share (0.2)"
            )
        if self.group and self.by == "time":
            raise ValueError("group is a setting of `by: hash`: by time, the side of a row is that of its time")
        return self


Encoding = Literal["ordinal", "onehot", "native"]
Scaling = Literal["passthrough", "standardize"]


class EarlyStopping(Section):
    """The number of rounds by a slice of the training rows; then the model is fitted on all of them."""

    rounds: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50, description="Stop after so many rounds (of a network: epochs) without improvement on the slice."
    )
    slice: SpanField | Annotated[float, Field(gt=0, lt=1)] = Field(
        description="With `split.by: time` the length of the slice, which ends where the holdout begins. By hash: a "
        "share of the training keys."
    )


class Train(Section):
    estimator: ImportPath = Field(description="Import path of any class with scikit-learn's estimator interface.")
    params: dict[str, Any] = Field({}, description="Parameters that are passed to the estimator.")
    categorical: Encoding = Field(
        "ordinal",
        description="Encoding of the categorical features. native: the estimator's own (LightGBM, XGBoost, CatBoost).",
    )
    numeric: Scaling = Field(
        "passthrough",
        description="standardize: impute missing values by the median, then scale to zero mean, unit variance.",
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        1, description="Threads of the fit. Changing it can change results in the last digits."
    )
    rows: Annotated[int, Field(ge=100)] | None = Field(
        None,
        description="Fit on a sample of so many labelled training rows, chosen by a hash of the key, where there are "
        "more. The holdout is scored whole. By default all.",
    )
    out_of_core: bool = Field(
        False,
        description="Fit on a file of the training rows that need not fit into memory: XGBoost, LightGBM. By parts, so "
        "XGBoost's model is another one than in memory.",
    )
    spark_workers: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Fit XGBoost on so many Spark workers, a part of the rows each. Another number may be another "
        "model. Needs `data.engine: spark`. By default the fit runs here.",
    )
    device: Literal["cpu", "gpu"] = Field("cpu", description="Where the fit runs. There must be a GPU to ask for one.")
    early_stopping: EarlyStopping | None = Field(
        None, description="Number of rounds by a slice of the training rows: LightGBM, XGBoost, CatBoost, networks."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="Seed of the fit, for the estimator and the libraries; a random state in `params` comes first."
    )
    repeats: Annotated[int, Field(ge=1, le=20)] = Field(
        2,
        description="Fits of a new model; the report says if they differ. By default only fits below a second repeat.",
    )

    @model_validator(mode="after")
    def _by_parts(self) -> Self:
        setting = "spark_workers" if self.spark_workers else "out_of_core"
        if (self.out_of_core or self.spark_workers) and (self.early_stopping or self.numeric != "passthrough"):
            which = "early_stopping" if self.early_stopping else "numeric: standardize"
            raise ValueError(f"{setting}: not with {which}, which needs all training rows in memory")
        if self.spark_workers and self.out_of_core:
            raise ValueError("spark_workers: not with out_of_core: each worker holds its part of the rows in memory")
        if self.spark_workers and self.device == "gpu":
            raise ValueError("spark_workers: not with device: gpu")
        return self


class SlicingSpec(Section):
    """A slice as TFX's Evaluator has it; an empty one is all rows, which are measured anyway."""

    feature_keys: list[str] = Field([], description="One column of the frame: each of its values is a slice.")

    @field_validator("feature_keys")
    @classmethod
    def _one_column(cls, keys: list[str]) -> list[str]:
        if len(keys) > 1:
            raise ValueError(f"{' and '.join(keys)} together: derive one column of them in the preparation")
        return keys


class Evaluate(Section):
    threshold: Share = Field(0.5, description="Scores at or above it are predicted positive (binary).")
    slices: list[str] = Field([], description="Columns whose values define the slices of the metrics.")
    slicing_specs: list[SlicingSpec] = Field(
        [], description="The same as `slicing_specs` of TFX's Evaluator; they are added to `slices`."
    )
    min_rows: Annotated[int, Field(ge=1)] = Field(200, description="Slices with fewer rows are not measured.")
    min_positives: Annotated[int, Field(ge=0)] = Field(50, description="Nor slices with fewer positives (binary).")
    importance_rows: Annotated[int, Field(ge=0)] = Field(
        2000, description="Number of holdout rows for permutation importance."
    )

    @model_validator(mode="after")
    def _slices_of_specs(self) -> Self:
        added = [name for spec in self.slicing_specs for name in spec.feature_keys if name not in self.slices]
        if added:  # assigned past the model, which would ask this validator again
            self.__dict__["slices"] = [*self.slices, *dict.fromkeys(added)]
        return self


class Compare(Section):
    metric: str = Field(description="Metric of the headline and of the verdict.")
    blocks: str | None = Field(
        None, description="Column whose values are the blocks of the paired bootstrap; by default single rows."
    )
    resamples: Annotated[int, Field(ge=100, le=100_000)] = Field(
        2000, description="Number of resamples of the paired bootstrap."
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="Confidence level of every interval.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Seed of the resampling.")
    seeds: Annotated[int, Field(ge=0, le=50)] = Field(
        0,
        description="Trainings with other seeds, once for each fingerprint: how much they differ enters the interval "
        "of a difference. For models that depend on the seed, such as networks; 0 for none, else 3 or more.",
    )
    min_rows: Annotated[int, Field(ge=2)] = Field(
        200, description="With fewer labelled holdout rows the comparison is not measurable."
    )
    max_changed: Share = Field(
        0.2,
        description="Largest share of the rows that both models have whose label differs (or whose inputs differ, "
        "where main's recorded scores are used). Beyond it the models are not comparable.",
    )
    required: bool = Field(False, description="Fail where there is no baseline to compare with.")

    @field_validator("seeds")
    @classmethod
    def _enough_seeds(cls, seeds: int) -> int:
        if 0 < seeds < 3:
            raise ValueError(f"{seeds} seeds say nothing of how much they differ: 3 or more, or 0 for none")
        return seeds


class Lead(Section):
    """Lead over a naive reference: the mean of the label by the values of `by`, learnt on the training rows."""

    by: Names = Field(description="Columns of the frame by whose values the reference averages the label.")
    metric: str = Field(description="Metric in which the model must be ahead (for losses: below).")
    at_least: float = Field(description="Least lead over the reference. Its interval must also exclude zero.")


class SliceGate(Section):
    """How much one slice may be worse than the baseline on the same rows."""

    metric: str = Field(description="Metric that is measured in every slice.")
    margin: Positive = Field(description="A slice fails if it is significantly worse and by more than this.")


class GapGate(Section):
    """How much the slice disparity may widen against the baseline."""

    metric: str = Field(description="Metric whose largest difference between two slices is the gap.")
    at_most: Positive = Field(description="Most that the gap may be wider than the baseline's.")


class AnchorGate(Section):
    """A second comparison, so that small losses which each margin allows do not add up over many changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    within: SpanField = Field(
        alias="for",
        description="The margins also hold against the anchor: the best release of this long, on the same rows.",
    )


class Pending(Section):
    """How many rows may be without an outcome long after it was due."""

    status: str = Field("pending", description="Value of `prepare.status` of a row whose outcome is still to come.")
    after: SpanField = Field(
        "7 days", validate_default=True, description="How long after its time a row counts as overdue."
    )
    at_most: Share = Field(0.01, description="Largest share of the rows of that age that may still be pending.")


class Gates(Extensible):
    margins: dict[str, Positive] = Field({}, description="Non-inferiority margin against the baseline, by metric.")
    anchor: AnchorGate | None = Field(None, description="Whether the margins also hold against earlier releases.")
    lead: Lead | None = Field(None, description="Least lead over a naive reference.")
    floors: dict[str, float] = Field({}, description="Least value by metric (for losses: the most).")
    slices: SliceGate | None = Field(None, description="How much one slice may be worse than the baseline.")
    gaps: GapGate | None = Field(None, description="How much the slice disparity may widen.")
    calibration_error: Positive | None = Field(None, description="Upper limit of the expected calibration error.")
    label_coverage: Share | None = Field(
        None,
        description="Least share of rows with a label: of the holdout, of training, and of each of its months and "
        "slices with `evaluate.min_rows` rows.",
    )
    pending: Pending | None = Field(None, description="How many rows may still be pending long after they were due.")
    holdout_drift: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Most features of the holdout that may lie outside training, by the monitor's measures."
    )
    overlap: Share | None = Field(
        0.01, description="Largest share of the holdout rows that are copies of training rows under another key."
    )
    train_seconds: Positive | None = Field(None, description="Upper limit of the training time, in seconds.")
    model_megabytes: Positive | None = Field(None, description="Upper limit of the size of the pickled pipeline.")

    @model_validator(mode="after")
    def _margins_for_the_anchor(self) -> Self:
        if self.anchor and not self.margins:
            raise ValueError("gates.anchor holds the margins against earlier releases: set gates.margins")
        return self


class Stage(Section):
    """Gates of the staging tests, passed before a container is deployed. Gates without a value are skipped."""

    cold_start_seconds: Positive | None = Field(
        None, description="Upper limit of the time from start to the first prediction."
    )
    p99_milliseconds: Positive | None = Field(
        None, description="Upper limit of the 99th percentile latency of single rows."
    )
    requests_per_second: Positive | None = Field(None, description="Least throughput of single-row requests.")
    memory_megabytes: Positive | None = Field(None, description="Upper limit of the memory in use after the load test.")
    image_megabytes: Positive | None = Field(None, description="Upper limit of what the image adds to its base image.")
    memory_limit_megabytes: Annotated[int, Field(ge=16)] = Field(
        512, description="Memory limit that the container runs with."
    )
    connections: Annotated[int, Field(ge=1, le=1000)] = Field(
        16, description="Concurrent connections of the load test."
    )
    load_seconds: Annotated[float, Field(gt=0, le=600)] = Field(2.0, description="Duration of the load test.")
    contract_examples: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50,
        description="Requests generated from the OpenAPI description: so many valid, as many invalid.",
    )


class Export(Section):
    """How small the exported model is made, and how far a smaller graph may differ."""

    optimise: bool = Field(
        False,
        description="Train the fewest trees that are no worse than all of `train.params` on the last part of the "
        "training rows, within `gates.margins` (of a network, write its weights in 8 bits), and optimise the exported "
        "graph. It changes the model.",
    )
    tolerance: Positive = Field(
        0.01,
        description="Largest difference of an answer of a smaller graph, such as one with 8-bit weights, from that of "
        "the fitted pipeline, on any holdout row: of probabilities; of values relative to the largest one.",
    )


class Labels(Section):
    """A table with the labels of past predictions, in addition to the feedback in the prediction log."""

    source: str = Field(description="A table of `data.sources`, joined by `prepare.key`.")
    value: str = Field(description="The label: a column of the table or an SQL expression, such as `arr_delay > 15`.")


class Monitor(Section):
    """When the monitor raises an alarm. Drift thresholds are learnt from training; these settings bound them."""

    log: str = Field(
        ".mainline/log",
        description="Prediction log: a folder, a prefix that starts with `s3://`, `gs://` or `abfs://`, or the topic "
        "`kafka://$BROKERS/name`, where the variable holds the brokers.",
    )
    labels: Labels | None = Field(None, description="Table with labels, in addition to the feedback in the log.")
    window: SpanField = Field(
        Span(count=1, unit="month"), description="Length of the monitored window, which ends at the last row."
    )
    min_rows: Annotated[int, Field(ge=1)] = Field(200, description="With fewer rows drift is not measured.")
    min_labelled: Annotated[int, Field(ge=2)] = Field(200, description="With fewer labels decay is not measured.")
    min_day_rows: Annotated[int, Field(ge=1)] = Field(
        50, description="Days with fewer rows are not checked individually."
    )
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.01, description="False alarm rate: share of windows without drift that sampling alone may call drifted."
    )
    slack: Positive = Field(
        1.2, description="Drift threshold as a multiple of the largest PSI between periods of the training data."
    )
    psi_floor: Positive = Field(0.1, description="A PSI below it is never drift.")
    prediction_psi: Positive = Field(0.2, description="PSI of the predictions from which on they have drifted.")
    missing_slack: Share = Field(
        0.05, description="A share of missing values this far above every period of training is drift."
    )
    missing_day_slack: Share = Field(0.3, description="The same for a single day: a feed has stopped.")
    new_categories: Share = Field(
        0.01, description="Upper limit of the share of rows with a category that training does not have."
    )
    metric_margin: Positive = Field(
        0.05,
        description="Decay: the metric's whole interval is worse by more than this; for mae, rmse a share of it.",
    )
    aged_margin: Positive = Field(
        0.03, description="Concept drift is likely where the metric is worse than its probabilities predict by this."
    )
    calibration_error: Positive = Field(0.1, description="Upper limit of the calibration error in production.")
    error_rate: Share = Field(0.01, description="Upper limit of the share of requests with a 5xx status.")
    latency_p99_seconds: Positive = Field(0.25, description="Upper limit of the 99th percentile latency.")
    memory_megabytes: Annotated[int, Field(ge=64)] = Field(
        512, description="DuckDB's memory limit; larger data spill to disk."
    )


class Retrain(Section):
    """What counts as new data, and when a retraining pull request may open automatically."""

    every: SpanField | None = Field(
        None, description="Length of a period of new data; by default `split.holdout`, or a month if that is a share."
    )
    lag: SpanField = Field(
        "1 day",
        validate_default=True,
        description="A period is complete if every table's last row is at most this long before its end.",
    )
    tables: list[str] = Field([], description="Sources that must reach a period's end; by default all with a `time`.")
    at_once: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Most periods in one pull request; by default all complete ones."
    )
    interval: SpanField = Field(
        "1 week", validate_default=True, description="Least time between the openings of two retraining pull requests."
    )
    budget: Annotated[int, Field(ge=0)] = Field(
        4, description="Most retraining pull requests per calendar month (UTC)."
    )


class Range(Section):
    """The values between two bounds, both included; whole numbers where both bounds are."""

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


RANGE = "a range such as {low: 0.01, high: 0.3, log: true}, or a list of values"


def parse_dimension(value: object) -> object:
    """A range with possible bounds, or a list of different values."""
    if isinstance(value, list):
        if len({json.dumps(one, sort_keys=True, default=str) for one in value}) < max(2, len(value)):
            raise ValueError("a list of at least two different values is needed")
        return value
    if not isinstance(value, dict):
        raise ValueError(RANGE)
    for name in value:
        if name not in Range.model_fields:
            near = difflib.get_close_matches(str(name), Range.model_fields, n=1)
            raise ValueError(f"a range has no {name}: " + (f"did you mean {near[0]}?" if near else RANGE))
    low, high, step, log = (value.get(name) for name in ("low", "high", "step", "log"))
    for name, bound in (("low", low), ("high", high), *([("step", step)] if step is not None else [])):
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not math.isfinite(bound):
            found = f"not {bound!r}" if name in value else "and there is none"
            if isinstance(bound, str) and (short := re.fullmatch(r"([-+]?\d+)\.?(\d*)[eE]([-+]?\d+)", bound)):
                found += f", which YAML takes for a text: write {short[1]}.{short[2] or 0}e{int(short[3]):+}"
            raise ValueError(f"`{name}` must be a number, {found}: {RANGE}")
    assert isinstance(low, (int, float))
    assert isinstance(high, (int, float))
    if low >= high:
        raise ValueError(f"low is {low}, and high is {high}: low must be below high")
    if log and low <= 0:
        raise ValueError(f"low is {low}: with `log: true` it must be above 0")
    if log and step is not None:
        raise ValueError("`log` and `step` exclude each other")
    if isinstance(step, float) and isinstance(low, int) and isinstance(high, int):
        raise ValueError(f"step is {step}, and both bounds are whole numbers: write low as {float(low)}")
    if isinstance(step, (int, float)) and not 0 < step <= high - low:
        raise ValueError(f"step is {step}: it must lie above 0 and not above {high - low}, from low to high")
    return Range.model_validate(value)


DIMENSION_SCHEMA = {
    "$comment": "range or list of values",
    "anyOf": [
        {
            "type": "object",
            "properties": {
                **{name: {"type": "number"} for name in ("low", "high", "step")},
                "log": {"type": "boolean"},
            },
            "required": ["low", "high"],
            "additionalProperties": False,
        },
        {"type": "array", "items": {}, "minItems": 2},
    ],
}
Dimension = Annotated[Range | list[Any], BeforeValidator(parse_dimension), WithJsonSchema(DIMENSION_SCHEMA)]


class Search(Section):
    """What `make search` tries instead of today's settings of `train`, and how."""

    params: dict[str, Dimension] = Field(
        {},
        description="Values of `train.params` to try: `{low, high}`, with `log: true` or `step`, or a list of values.",
    )
    categorical: list[Encoding] = Field([], description="Values of `train.categorical` to try.")
    numeric: list[Scaling] = Field([], description="Values of `train.numeric` to try.")
    without: list[str] = Field(
        [],
        description="Features that may be left out, one at a time; `*` in a name stands for any text.",
    )
    folds: Annotated[int, Field(ge=2, le=20)] = Field(
        3,
        description="Parts of the training rows that each trial is measured on, trained on the rows before them; by "
        "hash, on all others.",
    )
    processes: Annotated[int, Field(ge=1, le=256)] | None = Field(
        None, description="Trials at the same time; by default as many as the cores allow with `train.threads` each."
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.params or self.categorical or self.numeric or self.without):
            raise ValueError(
                "the space is empty: name what may change, such as params: {max_iter: {low: 50, high: 400}}"
            )
        for name, values in (("categorical", self.categorical), ("numeric", self.numeric)):
            if values and len(set(values)) < max(2, len(values)):
                raise ValueError(f"{name}: a list of at least two different values is needed")
        return self


class Settings(Section):
    extensions: list[ExtensionModule] = Field(
        [], description="The project's own modules below `src/` that register what it adds, such as `shop.extensions`."
    )
    task: Literal["binary", "multiclass", "regression"] = Field(description="Type of the prediction task.")
    data: Data = Field(description="The tables and the data cutoff.")
    prepare: Prepare = Field(description="How the tables become a frame with one row per prediction.")
    split: Split = Field(description="Which rows are for training and which are the holdout.")
    train: Train = Field(description="The estimator and its preprocessing.")
    evaluate: Evaluate = Field(Evaluate(), description="What is measured in addition to the metrics of the task.")
    compare: Compare = Field(description="How the model is compared with the baseline, the model on main.")
    gates: Gates = Field(
        Gates(), description="Thresholds that the model must meet. Gates that are left out are skipped."
    )
    export: Export = Field(Export(), description="What the exported model may be.")
    stage: Stage = Field(Stage(), description="Thresholds that the container must meet before it is deployed.")
    monitor: Monitor = Field(Monitor(), description="When the monitor raises an alarm about the model in production.")
    retrain: Retrain = Field(Retrain(), description="When a retraining pull request opens automatically.")
    search: Search | None = Field(None, description="What `make search` may change.")

    @model_validator(mode="after")
    def _two_meanings(self) -> Self:
        values = self.prepare.label_values
        if values and self.task != "binary":
            raise ValueError(f"prepare.label_values: they say what is true or false, and the task is {self.task}")
        if values and set(values.values()) != {True, False}:
            raise ValueError("prepare.label_values: one value must mean true, another false")
        return self

    @model_validator(mode="after")
    def _time_to_split_by(self) -> Self:
        if self.split.by == "time" and not self.prepare.time:
            raise ValueError("split.by: time needs prepare.time, the timestamp column of the prediction")
        return self

    @model_validator(mode="after")
    def _slice_like_the_split(self) -> Self:
        asked = self.train.early_stopping
        if asked and isinstance(asked.slice, Span) != (self.split.by == "time"):
            needed = "a length of time ('2 weeks')" if self.split.by == "time" else "a share of the keys (0.1)"
            raise ValueError(f"train.early_stopping.slice: with split.by: {self.split.by} it is {needed}")
        return self

    @model_validator(mode="after")
    def _time_to_cut_at(self) -> Self:
        if self.split.by == "time" and not any(source.time for source in self.data.sources.values()):
            raise ValueError(
                "split.by: time needs `time` on the sources, such as data.sources.<name>.time: without it "
                "data.until cuts nothing, and labels reported after it count as known"
            )
        return self

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.train.spark_workers and self.data.engine != "spark":
            raise ValueError("train.spark_workers: needs data.engine: spark")
        return self

    @model_validator(mode="after")
    def _labels_of_a_source(self) -> Self:
        labels = self.monitor.labels
        if labels and labels.source not in self.data.sources:
            there = ", ".join(self.data.sources)
            raise ValueError(f"monitor.labels.source: data.sources has no {labels.source}; available: {there}")
        if labels and self.prepare.by_content:
            raise ValueError(
                "monitor.labels: a table of labels is joined by prepare.key, and no table has the key that is made "
                "from the row's content: name the columns of a key, or send the labels to /feedback by the request's id"
            )
        return self
