"""The types of `params.yaml`: a wrong key or value is refused by name and line."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

UNITS = ("minute", "hour", "day", "week", "month", "year")


class Span(BaseModel):
    """A length of time in calendar units, such as `1 month` or `51 minutes`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int
    unit: Literal["minute", "hour", "day", "week", "month", "year"]

    def before(self, moment: dt.datetime) -> dt.datetime:
        """The moment this long before `moment`, on the same wall clock."""
        from dateutil.relativedelta import relativedelta

        earlier: dt.datetime = moment - relativedelta(**{f"{self.unit}s": self.count})
        return earlier

    def after(self, day: dt.date, times: int = 1) -> dt.date:
        """The day so many times this long after `day`; of less than a day, `day` itself."""
        from dateutil.relativedelta import relativedelta

        later: dt.datetime = dt.datetime.combine(day, dt.time()) + relativedelta(
            **{f"{self.unit}s": self.count * times}
        )
        return later.date()

    def __str__(self) -> str:
        return f"{self.count} {self.unit}" + ("s" if self.count != 1 else "")


def parse_span(value: object) -> object:
    if not isinstance(value, str):
        return value
    count, _, unit = value.partition(" ")
    unit = unit.strip().removesuffix("s")
    if not count.isdigit() or int(count) == 0 or unit not in UNITS:
        raise ValueError(f"a length of time is a whole number and a unit ({', '.join(UNITS)}), such as '1 month'")
    return {"count": int(count), "unit": unit}


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError(f"no time zone is called {name!r}; a name such as America/New_York or UTC is needed") from None
    return name


SPAN_SCHEMA = {"type": "string", "pattern": rf"^[1-9]\d* ({'|'.join(UNITS)})s?$", "examples": ["1 month", "51 minutes"]}
SpanField = Annotated[Span, BeforeValidator(parse_span), WithJsonSchema(SPAN_SCHEMA)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
ImportPath = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$")]
Names = Annotated[list[str], Field(min_length=1)]
# By its name, a change of such a module is seen to be a change of what judges the model.
ExtensionModule = Annotated[str, Field(pattern=r"^([A-Za-z_]\w*\.)+extensions(\.[A-Za-z_]\w*)*$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Extensible(Section):
    """A section that takes further settings, which a project's own modules declare (`extensions`)."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


class Source(Extensible):
    """Where one table comes from: files, a query against a database, or what the project added."""

    path: str | None = Field(None, description="A path, a glob or a URL: Parquet, CSV or JSON lines.")
    query: str | None = Field(None, description="A SQL query, run against `database`.")
    database: str | None = Field(None, description="The environment variable that holds the database's URL.")
    format: Literal["parquet", "csv", "jsonl"] | None = Field(None, description="Taken from the name where not given.")
    time: str | None = Field(None, description="The column that the clock cuts at `data.until`.")
    known_after: SpanField | None = Field(None, description="How long after its time a row is known.")
    known_ahead: bool = Field(False, description="Rows are known before their time, as a timetable is.")

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        added = bool(self.model_extra)  # another kind's settings: `data.sources` checks them
        if (self.path is None) == (self.query is None) and not added:
            raise ValueError("a source has either a path or a query")
        if (self.query is None) != (self.database is None):
            raise ValueError("query and database go together")
        return self

    @model_validator(mode="after")
    def _known_at_one_time(self) -> Self:
        if self.time is None and (self.known_after is not None or self.known_ahead):
            raise ValueError("known_after and known_ahead are said of a time: name its column in `time`")
        if self.known_after is not None and self.known_ahead:
            raise ValueError("rows are known before their time (known_ahead) or after it (known_after), not both")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the table can only change together with a file of this checkout."""
        return self.path is not None and "://" not in self.path and not self.path.startswith(("/", "..", "~"))


class Data(Section):
    until: dt.date = Field(description="The clock: nothing from this day on is known.")
    timezone: Annotated[str, AfterValidator(known_zone)] = Field("UTC", description="Whose midnight `until` means.")
    expectations: str = Field("data/expectations", description="The folder of the expectation suites.")
    sources: Annotated[dict[str, Source], Field(min_length=1)] = Field(
        description="The tables by name: the preparation gets each under its name, a suite of that name checks it."
    )

    @property
    def clock(self) -> dt.datetime:
        """The first moment that is not known, in `timezone`."""
        return dt.datetime.combine(self.until, dt.time(), ZoneInfo(self.timezone))


class Features(Section):
    numeric: list[str] = Field([], description="Columns that are numbers; the frame holds them as 32-bit floats.")
    categorical: list[str] = Field([], description="Columns that are categories; the frame holds them as text.")

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


class Prepare(Section):
    function: ImportPath = Field(description="The project's preparation: raw tables in, the frame out.")
    key: Names = Field(description="The columns that name a row of the frame.")
    time: str | None = Field(None, description="When a row is scored: the moment its features must be known at.")
    label: str = Field(description="The target; null where the outcome is not known.")
    status: str | None = Field(None, description="A column that says why a row has no label, for the counts.")
    features: Features = Field(description="The allow-list: nothing else of the frame reaches the estimator.")
    time_travel_checks: Annotated[int, Field(ge=0, le=20)] = Field(
        2, description="At how many earlier moments the frame is prepared again, to find columns that saw the future."
    )


class Split(Section):
    by: Literal["time", "hash"] = Field(
        description="time: the latest rows are the holdout. hash: a stable share of the keys is, whatever else changes."
    )
    holdout: SpanField | Annotated[float, Field(gt=0, lt=1)] = Field(
        description="By time: the last so long before `data.until`. By hash: the share of the keys."
    )

    @model_validator(mode="after")
    def _matching(self) -> Self:
        if (self.by == "time") != isinstance(self.holdout, Span):
            raise ValueError("by time the holdout is a length of time ('1 month'), by hash a share (0.2)")
        return self


class Train(Section):
    estimator: ImportPath = Field(description="Any class with scikit-learn's interface, by its import path.")
    params: dict[str, Any] = Field({}, description="The estimator's own parameters.")
    categorical: Literal["ordinal", "onehot"] = Field("ordinal", description="How categories become numbers.")
    numeric: Literal["passthrough", "standardize"] = Field(
        "passthrough", description="standardize: the median for what is missing, then zero mean and unit variance."
    )
    threads: Annotated[int, Field(ge=1, le=256)] = Field(1, description="Of the fit; another number, other last bits.")


class Evaluate(Section):
    threshold: Share = Field(0.5, description="At or above it a row counts as positive (binary tasks).")
    slices: list[str] = Field([], description="Columns by whose values the metrics are broken down.")
    min_rows: Annotated[int, Field(ge=1)] = Field(200, description="A smaller slice is not measured.")
    min_positives: Annotated[int, Field(ge=0)] = Field(50, description="Nor is one with fewer positives (binary).")
    importance_rows: Annotated[int, Field(ge=0)] = Field(2000, description="Holdout rows for permutation importance.")


class Compare(Section):
    metric: str = Field(description="The metric of the headline and of the verdict.")
    blocks: str | None = Field(None, description="The column whose values are resampled whole; rows where not given.")
    resamples: Annotated[int, Field(ge=100, le=100_000)] = Field(2000, description="Of the paired bootstrap.")
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(0.95, description="Of every interval.")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="The same seed draws the same resamples.")
    min_rows: Annotated[int, Field(ge=2)] = Field(200, description="With fewer labelled holdout rows nothing is said.")
    required: bool = Field(False, description="Refuse where there is no baseline to compare with.")


class Lead(Section):
    """How far the model must be ahead of the label's mean by `by`, learnt in training."""

    by: Names = Field(description="Columns of the frame; the reference is the label's mean by their values.")
    metric: str = Field(description="The metric of which the model must have more (of losses, less).")
    at_least: float = Field(description="By how much it must be ahead; the interval must also exclude zero.")


class SliceGate(Section):
    """How far one slice may fall against main's model on the same rows."""

    metric: str = Field(description="The metric that is measured in every slice.")
    margin: Positive = Field(description="A slice fails that has certainly fallen, and by more than this.")


class GapGate(Section):
    """How much the gap between slices may widen against main."""

    metric: str = Field(description="The metric whose largest difference between two slices is the gap.")
    at_most: Positive = Field(description="How much wider than main's the gap may be.")


class Gates(Extensible):
    margins: dict[str, Positive] = Field({}, description="Metric: how much worse than main it may at the worst be.")
    lead: Lead | None = Field(None, description="How far the model must be ahead of a naive reference.")
    floors: dict[str, float] = Field({}, description="Metric: the least (the most, for losses) it may be.")
    slices: SliceGate | None = Field(None, description="How far one slice may fall against main.")
    gaps: GapGate | None = Field(None, description="How much the gap between slices may widen against main.")
    calibration_error: Positive | None = Field(None, description="The most it may be.")
    label_coverage: Share | None = Field(None, description="The least share of holdout rows whose outcome is known.")
    train_seconds: Positive | None = Field(None, description="The longest that the fit may take.")
    model_megabytes: Positive | None = Field(None, description="The most that the pickled pipeline may weigh.")


class Stage(Section):
    """What the container must reach before it is deployed. A gate without a number is not asked for."""

    cold_start_seconds: Positive | None = Field(None, description="From its start to its first prediction.")
    p99_milliseconds: Positive | None = Field(None, description="Within which 99 % of single rows are answered.")
    requests_per_second: Positive | None = Field(None, description="The least number of single rows a second.")
    memory_megabytes: Positive | None = Field(None, description="The most that it may hold after the load.")
    image_megabytes: Positive | None = Field(None, description="The most that the image may add to its base image.")
    memory_limit_megabytes: Annotated[int, Field(ge=16)] = Field(512, description="What the container is given.")
    connections: Annotated[int, Field(ge=1, le=1000)] = Field(16, description="That ask at the same time.")
    load_seconds: Annotated[float, Field(gt=0, le=600)] = Field(2.0, description="How long they ask.")
    contract_examples: Annotated[int, Field(ge=1, le=10_000)] = Field(
        50, description="Requests that are made up of what the description allows, and as many of what it forbids."
    )


class Labels(Section):
    """The table that tells what became of a prediction, beside the feedback in the log."""

    source: str = Field(description="A table of `data.sources`; it is joined by `prepare.key`.")
    value: str = Field(description="The label: a column of it, or an SQL expression such as `arr_delay > 15`.")


class Monitor(Section):
    """When a model in production is worth a look. Drift's thresholds are learnt from training; these bound them."""

    log: str = Field(
        ".mainline/log", description="The prediction log: a folder, or `s3://`, `gs://`, `abfs://` and a prefix."
    )
    labels: Labels | None = Field(None, description="Where labels come from beside the feedback in the log.")
    window: SpanField = Field(Span(count=1, unit="month"), description="How far back is looked from the last row.")
    min_rows: Annotated[int, Field(ge=1)] = Field(200, description="With fewer rows nothing is said of drift.")
    min_labelled: Annotated[int, Field(ge=2)] = Field(200, description="With fewer labels nothing is said of decay.")
    min_day_rows: Annotated[int, Field(ge=1)] = Field(50, description="A day with fewer is not looked at by itself.")
    false_alarms: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.01, description="The share of windows without drift that may be called drifted by sampling alone."
    )
    slack: Positive = Field(1.2, description="Times the largest PSI between periods of training: beyond it is drift.")
    psi_floor: Positive = Field(0.1, description="A smaller PSI is never drift.")
    prediction_psi: Positive = Field(0.2, description="The least PSI of the predictions that is drift.")
    missing_slack: Share = Field(0.05, description="More missing than in any period of training by this is drift.")
    missing_day_slack: Share = Field(0.3, description="The same for a single day: a feed that has stopped.")
    new_categories: Share = Field(0.01, description="The most rows that may hold a category unknown to training.")
    metric_margin: Positive = Field(
        0.05,
        description="How far the headline metric may certainly be worse than promised; of mae and rmse, a share of it.",
    )
    aged_margin: Positive = Field(
        0.03, description="Worse by this than its own probabilities expect of the rows: the model has aged."
    )
    calibration_error: Positive = Field(0.1, description="The most it may be in production.")
    error_rate: Share = Field(0.01, description="The most of the requests that may end with a 5xx status.")
    latency_p99_seconds: Positive = Field(0.25, description="The most that the 99th percentile may be.")
    memory_megabytes: Annotated[int, Field(ge=64)] = Field(512, description="DuckDB's; beyond it spills to disk.")


class Retrain(Section):
    """What new data are, and when they may become a pull request by themselves."""

    every: SpanField | None = Field(
        None, description="How long a period of new data is; as `split.holdout` where not given, or a month."
    )
    lag: SpanField = Field(
        "1 day", validate_default=True, description="A table's last row may lie so long before a complete period's end."
    )
    tables: list[str] = Field([], description="The sources that tell it; where none is named, all that have a `time`.")
    at_once: Annotated[int, Field(ge=1)] | None = Field(
        None, description="The most periods in one pull request; all that are complete where not given."
    )
    interval: SpanField = Field(
        "1 week", validate_default=True, description="The least time between the openings of two."
    )
    budget: Annotated[int, Field(ge=0)] = Field(4, description="How many may open in a calendar month (UTC).")


class Settings(Section):
    extensions: list[ExtensionModule] = Field(
        [], description="The project's own modules below `src/` that register what it adds, such as `shop.extensions`."
    )
    task: Literal["binary", "multiclass", "regression"] = Field(description="What kind of thing the label is.")
    data: Data = Field(description="Where the tables come from, and until when.")
    prepare: Prepare = Field(description="How the tables become one row a prediction.")
    split: Split = Field(description="Which rows are for training and which for measuring.")
    train: Train = Field(description="The estimator and what stands before it in the pipeline.")
    evaluate: Evaluate = Field(Evaluate(), description="What is measured beside the metrics of the task.")
    compare: Compare = Field(description="How the model is compared with main's.")
    gates: Gates = Field(Gates(), description="What the model must reach. One that is left out is not asked for.")
    stage: Stage = Field(Stage(), description="What the container must reach before it is deployed.")
    monitor: Monitor = Field(Monitor(), description="When the model in production is worth a look.")
    retrain: Retrain = Field(Retrain(), description="When a pull request with new data opens by itself.")

    @model_validator(mode="after")
    def _time_to_split_by(self) -> Self:
        if self.split.by == "time" and not self.prepare.time:
            raise ValueError("split.by: time needs prepare.time, the column that says when a row is scored")
        return self

    @model_validator(mode="after")
    def _labels_of_a_source(self) -> Self:
        labels = self.monitor.labels
        if labels and labels.source not in self.data.sources:
            there = ", ".join(self.data.sources)
            raise ValueError(f"monitor.labels.source: data.sources has no {labels.source}: there are {there}")
        return self
