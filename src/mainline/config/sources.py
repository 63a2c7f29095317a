"""The settings of `data.sources.<name>`: where a table comes from, and which of its rows are known."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mainline.config.api import ApiSettings, Variable
from mainline.config.section import Extensible, ImportPath, Section, SpanField

# Each source has one of these; the others of its settings belong to that kind.
KINDS: dict[str, tuple[str, ...]] = {
    "path": ("sheet", "format"),
    "query": ("database",),
    "expression": ("database", "tables", "compared_rows"),
    "api": tuple(ApiSettings.model_fields),
    "dvc": ("remote", "files", "format"),
    "delta": ("version",),
    "iceberg": ("snapshot", "catalog"),
    "topic": ("brokers", "format", "message_schema", "message", "late", "late_at_most", "odd", "aside_at_most"),
}
OF_TEXT = ("types", "date_format", "decimal", "thousands", "encoding", "null_values")
IN_PARQUET = ("delta", "iceberg", "topic")
OF_FILES, OF_MESSAGES = ("parquet", "csv", "jsonl"), ("json", "avro", "protobuf")


class TimeFrom(Section):
    """The columns that a table's time is computed from: one of the first three, or year and month (and day)."""

    seconds: str | None = Field(None, description="Column of seconds since 1970 (UTC).")
    milliseconds: str | None = Field(None, description="Column of milliseconds since 1970 (UTC).")
    yyyymmdd: str | None = Field(None, description="Column of days as whole numbers, such as 20260131.")
    year: str | None = Field(None, description="Column of the year.")
    month: str | None = Field(None, description="Column of the month, 1 to 12.")
    day: str | None = Field(None, description="Column of the day of the month; by default the first.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = self.model_dump(exclude_none=True)
        ways = ({"seconds"}, {"milliseconds"}, {"yyyymmdd"}, {"year", "month"}, {"year", "month", "day"})
        if given.keys() not in ways:
            raise ValueError(
                "time_from has one of `seconds`, `milliseconds` and `yyyymmdd`, or `year` and `month`, with or without "
                "`day`"
            )
        return self


class Source(ApiSettings, Extensible):
    """The origin of one table: files, a query against a database, an API."""

    path: str | None = Field(
        None, description="A path, glob or URL of Parquet, CSV, JSON Lines, Excel, TFRecord files."
    )
    sheet: str | None = Field(None, description="Sheet of Excel files; by default the first that has a table.")
    query: str | None = Field(None, description="A SQL query that runs against `database`.")
    expression: ImportPath | None = Field(
        None,
        description="A function of the project that returns an Ibis expression over `tables`, such as "
        "`shop.warehouse:visits`: `database` computes it.",
    )
    tables: dict[str, str | None] = Field(
        {},
        description="Tables of `database` that the function takes, each with the column that says since when a row is "
        "known: rows from the data cutoff on are left out. `null`: all rows are known.",
    )
    compared_rows: Annotated[int, Field(ge=0)] = Field(
        1_000_000,
        description="DuckDB computes the expression too and every row is compared, as long as `tables` have no more "
        "rows before the cutoff. 0 compares nothing.",
    )
    database: str | None = Field(None, description="Name of the environment variable with the database's URL.")
    api: str | None = Field(None, description="Address of an API that answers with JSON, with its query.")
    dvc: str | None = Field(None, description="A path or glob of `.dvc` files.")
    remote: str | None = Field(None, description="Name of the DVC remote; by default the one of `.dvc/config`.")
    files: str | None = Field(None, description="Glob of the files of a folder that DVC tracks; by default all.")
    delta: str | None = Field(None, description="Path or URL of a Delta table.")
    version: Annotated[int, Field(ge=0)] | Literal["latest"] | None = Field(
        None, description="Version of the Delta table; by default the one that was current at `data.until`."
    )
    iceberg: str | None = Field(None, description="Name of an Iceberg table, such as `sales.orders`.")
    snapshot: int | str | None = Field(
        None, description="Snapshot, tag or `latest`; by default the snapshot that was current at `data.until`."
    )
    catalog: str = Field("default", description="Name of the catalog in PyIceberg's own configuration.")
    topic: str | None = Field(None, description="Kafka topic, NATS JetStream stream or key of a Redis stream.")
    brokers: Variable | None = Field(
        None,
        description="Environment variable with the address: `host:9092`, `nats://…`, `redis://…`; for Kafka also the "
        "options of librdkafka as JSON.",
    )
    message_schema: str | None = Field(
        None, description="File with the Avro schema, or with the descriptor set that `protoc` writes for Protobuf."
    )
    message: str | None = Field(None, description="Full name of the Protobuf message, such as `shop.Click`.")
    late: SpanField | None = Field(
        None, description="Messages that arrived this long after their `time` are put aside; by default none."
    )
    late_at_most: Annotated[float, Field(ge=0, le=1)] = Field(
        0.05, description="Largest share of late messages: above it the report warns before its verdict."
    )
    odd: Literal["refuse", "aside"] = Field(
        "refuse", description="What to do with a message in which a column has another type than before."
    )
    aside_at_most: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01, description="Largest share of malformed and odd messages: above it the source is refused."
    )
    format: Literal["parquet", "csv", "jsonl", "json", "avro", "protobuf"] | None = Field(
        None,
        description="File format, inferred from the file name by default; of messages `json` (default), `avro` or "
        "`protobuf`.",
    )
    types: dict[str, str] = Field(
        {},
        description="DuckDB types by column of CSV or JSON Lines files, such as `{zip: VARCHAR}`; others are inferred.",
    )
    date_format: Annotated[str, Field(pattern="%")] | None = Field(
        None,
        description="How CSV or JSON Lines files write dates, such as `%d.%m.%Y`; inferred where that is certain.",
    )
    decimal: Literal[".", ","] = Field(".", description="Decimal separator of CSV files.")
    thousands: Literal[".", ",", " ", "'"] | None = Field(
        None, description="Separator of thousands in the numbers of CSV files, as in `1.234,50`."
    )
    encoding: str | None = Field(
        None, description="Encoding of CSV or JSON Lines files, such as `cp1252`; by default UTF-8."
    )
    null_values: list[str] = Field(
        [], description="Texts that mean a missing value in CSV files, such as `NA`, in addition to the empty cell."
    )
    time: str | None = Field(None, description="Timestamp column that the data cutoff (`data.until`) applies to.")
    time_from: TimeFrom | None = Field(
        None, description="Compute `time`, a new column, from numbers: `{seconds: created}`, `{year: y, month: m}`."
    )
    known_after: SpanField | None = Field(None, description="Delay after `time` until a row is known.")
    known_ahead: bool = Field(False, description="Rows are known before their `time`, such as a timetable.")

    def _says(self, name: str) -> bool:
        """Whether a setting is there with a value of its own: settings that were written out name every default."""
        default = type(self).model_fields[name].get_default(call_default_factory=True)
        return name in self.model_fields_set and getattr(self, name) != default

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        chosen = [kind for kind in KINDS if getattr(self, kind) is not None]
        added = bool(self.model_extra)  # the settings of another kind, which the room `data` checks
        if not chosen and not added:
            raise ValueError("a source has either `path` or `query`, or one of " + listed([*KINDS][2:]))
        if len(chosen) > 1:
            raise ValueError(f"a source has one of these, not several: {', '.join(chosen)}")
        for kind, settings in KINDS.items():
            strange = [name for name in settings if self._says(name) and not added]
            if strange and kind != chosen[0] and strange[0] not in KINDS[chosen[0]]:
                raise ValueError(f"`{strange[0]}` is a setting of `{kind}`, and this source has `{chosen[0]}`")
        if self.format in (OF_FILES if self.topic is not None else OF_MESSAGES):
            right = OF_MESSAGES if self.topic is not None else OF_FILES
            raise ValueError(f"format is one of {', '.join(right)} here, not {self.format}")
        if (self.topic is None) != (self.brokers is None):
            raise ValueError("`topic` and `brokers` must be set together")
        if (self.format in ("avro", "protobuf")) != (self.message_schema is not None):
            raise ValueError("messages in avro and protobuf need `message_schema`, a file; others have none")
        if (self.format == "protobuf") != (self.message is not None):
            raise ValueError("messages in protobuf need `message`, the full name; others have none")
        if self.late is not None and self.time is None:
            raise ValueError("late messages are found by `time`: name that column")
        asked = "query" if self.expression is None else "expression"
        if (getattr(self, asked) is None) != (self.database is None):
            raise ValueError(f"`{asked}` and `database` must be set together")
        if self.expression is not None and not self.tables:
            raise ValueError("`expression` needs `tables`: {visits: at, purchases: known_at}")
        return self

    @model_validator(mode="after")
    def _files_as_text(self) -> Self:
        given = [name for name in OF_TEXT if self._says(name)]
        if given and self.database is not None:
            raise ValueError(f"{given[0]} is a setting of text files: cast in the query instead")
        typed = next((kind for kind in IN_PARQUET if getattr(self, kind) is not None), None)
        if given and typed:
            raise ValueError(f"{given[0]} is a setting of text files: the columns of `{typed}` have types")
        return self

    @model_validator(mode="after")
    def _computed_time(self) -> Self:
        if self.time_from is not None and self.time is None:
            raise ValueError("time_from computes `time`: give that column a name")
        if self.time_from is not None and self.path is None and self.dvc is None:
            raise ValueError("time_from is a setting of files (`path`, `dvc`): compute the time in the query or before")
        return self

    @model_validator(mode="after")
    def _known_at_one_time(self) -> Self:
        if self.time is None and (self.known_after is not None or self.known_ahead):
            raise ValueError("known_after and known_ahead need `time`, the name of a timestamp column")
        if self.known_after is not None and self.known_ahead:
            raise ValueError(
                "known_ahead and known_after exclude each other: rows are known before their time or after it"
            )
        return self

    @model_validator(mode="after")
    def _two_separators(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        return self

    @property
    def is_local(self) -> bool:
        """Whether the table can change only when a file of this checkout changes."""
        return self.path is not None and "://" not in self.path and not self.path.startswith(("/", "..", "~"))

    @property
    def file_format(self) -> Literal["parquet", "csv", "jsonl"] | None:
        """`format`, of a source that is files."""
        return self.format if self.format in ("parquet", "csv", "jsonl") else None


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
