"""`serving.json`: the inputs and answers of a model, and its origin."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from mainline.errors import ConfigurationError

FILE = "serving.json"
FORMAT = 1

# What stands in for a missing category in the ONNX graph. No request can hold it: NUL is refused in text.
MISSING = "\0missing"

Kind = Literal["text", "date", "integer", "number"]  # of a part of the row's key

LARGEST = 3.4028234663852886e38  # number that a 32-bit float holds


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature; `nullable` says whether training or holdout rows were without it, so that null may be sent."""

    name: str
    kind: Literal["categorical", "numeric"]
    nullable: bool
    categories: list[str] = []  # of the training rows; others are accepted as unknown
    low: float | None = None  # of the training rows, to describe and not to refuse
    high: float | None = None
    # What the frame has made the column of, where that is written in several ways: see `spelling.py`.
    written: str = ""


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the columns that identify a row: later labels are joined by it."""

    name: str
    kind: Kind
    # How the source writes it, where that is another text than the one that is logged: of text as in `spelling.py`, of
    # a number `single`, of a date the format of strptime.
    written: str = ""


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The largest difference between the exported model and the fitted pipeline on `rows` holdout rows."""

    rows: int
    largest: float


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of `serving.json`; digests are SHA-256 in hexadecimal."""

    format: int
    name: str
    version: str
    task: Literal["binary", "multiclass", "regression"]
    classes: list[Any]
    threshold: float | None  # binary: at or above it the second class is decided
    columns: list[Column]  # in the order of the model's inputs: categorical, then numeric
    engine: Literal["onnx", "sklearn"]
    file: str
    digest: str  # of `file`
    pipeline_digest: str  # of the fitted pipeline that was reviewed
    data_digest: str
    fingerprint: str
    commit: str | None
    trained: str
    agreement: Agreement
    example: list[list[str | float | None]]  # rows in the order of `columns`
    answers: list[Any]  # the answers for them at export
    answered: tuple[float, float] | None = None  # regression: the smallest and the largest prediction on the holdout
    note: str | None = None  # why the fitted pipeline is served instead of ONNX
    key: list[Key] = []  # some may be inputs too
    # Binary: what the label's values mean where they do not say true or false themselves, as the table writes them.
    label_values: dict[str, bool] = {}
    slices: list[Key] = []  # columns by which the model is judged, and which are no inputs
    null_values: list[str] = []  # texts that mean a missing value in the sources, as `NA`
    decimal: str = "."  # of the sources' CSV files
    encodings: list[str] = []  # of the sources' text files, where it is not UTF-8
    date_formats: list[str] = []  # of the sources' text files, where they are set
    label: str = ""  # the column that the model predicts
    frameworks: list[str] = []  # modules beside scikit-learn that the fitted pipeline needs, where it is served

    @property
    def key_names(self) -> list[str]:
        return [key.name for key in self.key]

    @property
    def extra_keys(self) -> list[Key]:
        """The columns that may be sent with a row, to be logged: the key's that are no inputs, then the slices."""
        return [one for one in (*self.key, *self.slices) if one.name not in self.names]

    @property
    def logged_names(self) -> list[str]:
        return list(dict.fromkeys([*self.names, *self.key_names, *(one.name for one in self.slices)]))

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def categorical(self) -> list[Column]:
        return [column for column in self.columns if column.kind == "categorical"]

    @property
    def numeric(self) -> list[Column]:
        return [column for column in self.columns if column.kind == "numeric"]


def read(folder: Path) -> Signature:
    """The signature of an exported model, after its file was checked against the digest.

    Raises
    ------
    ConfigurationError
        Where the export is incomplete, or the model is not the one described.
    """
    path = folder / FILE
    try:
        signature = msgspec.json.decode(path.read_bytes(), type=Signature)
    except FileNotFoundError:
        raise ConfigurationError(f"{path} does not exist: `mainline export` writes it") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is not a valid description of an exported model: {error}") from None
    if signature.format != FORMAT:
        raise ConfigurationError(f"{path} has format {signature.format}, this server reads {FORMAT}: export it again")
    model = folder / signature.file
    try:
        found = hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{model} cannot be read: {error.strerror}") from None
    if found != signature.digest:
        raise ConfigurationError(f"{model} is not the model that {path} describes: its SHA-256 is {found}")
    return signature


def write(signature: Signature, folder: Path) -> None:
    text = msgspec.json.format(msgspec.json.encode(signature), indent=1)
    (folder / FILE).write_bytes(text + b"\n")


def without_measurements(signature: Signature) -> Signature:
    """Without the numbers that the exported model gave on the machine that exported it."""
    return msgspec.structs.replace(signature, answers=[], agreement=Agreement(signature.agreement.rows, 0.0))
