"""Labels that arrive later: `POST /feedback` reads them as strictly as rows, and logs them for the monitor.

A label identifies its row by the request's id and the row's position in it, or by the row's key. Duplicates,
corrections, contradictions and labels without a prediction are logged too: the reader of the log handles them.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from mainline.serving import error_messages, row_keys
from mainline.serving.errors import Rejection, invalid
from mainline.serving.json_input import refuse_repeated_keys
from mainline.serving.prediction_log import FEEDBACK_SHARE
from mainline.serving.request_ids import LONGEST, NAME, RequestIds
from mainline.serving.row_keys import NUMBER
from mainline.serving.settings import Configuration
from mainline.serving.signature import Signature
from mainline.serving.spelling import WHOLE, is_contrary, truth
from mainline.serving.spool import Spool

KIND = "feedback"
LONGEST_NUMBER = 40  # characters
PLACE = re.compile(r"^\$\[(\d+)\]\.?(.*)$", re.DOTALL)


class FeedbackLog(Spool):
    """Files of its own, next to those of the predictions, with an eighth of their size."""

    def __init__(self, folder: Path, configuration: Configuration, signature: Signature, version: str) -> None:
        total = max(1, configuration.log_bytes // FEEDBACK_SHARE)
        header = {
            "keys": [[key.name, key.kind] for key in signature.key],
            "version": version,
            "model_digest": signature.digest,
        }
        super().__init__(folder, KIND, header, total, configuration.log_file_bytes, configuration.log_file_seconds)
        self.received = 0
        self.read = FeedbackReader(signature, configuration)

    def take(self, body: bytes, ids: RequestIds, when: float | None = None) -> int:
        """Log all labels of a body, or none and raise Rejection; returns the number of labels.

        `when` is when it was received, in seconds since 1970: now, where it is not given.
        """
        found = self.read(body)
        now = time.time() if when is None else when
        lines = [self.encode({"_id": ids.new(), "time": now, **entry}) for entry in found]
        line = b"\n".join(lines)
        if not self.has_room(len(line)):
            # Labels arrive weeks after the prediction: one second more does not matter.
            raise Rejection(503, "overload", "the log of labels is full at the moment: try again")
        for each in lines:
            self.put(each)
        self.received += len(lines)
        return len(lines)


class FeedbackReader:
    """Reads the bodies of one model: a label, or a list of them."""

    def __init__(self, signature: Signature, configuration: Configuration) -> None:
        self.key = signature.key
        self.most = configuration.max_rows
        self.hidden = [key.name for key in signature.key if key.name in configuration.log_leave_out]
        self.labels = label_reader(signature)
        parts: list[Any] = [(f"f{i}", row_keys.cell_type(key)) for i, key in enumerate(self.key)]
        renamed = {f"f{i}": key.name for i, key in enumerate(self.key)}
        key = msgspec.defstruct("Key", parts, rename=renamed, forbid_unknown_fields=True, gc=False)
        entry = msgspec.defstruct(
            "Entry",
            [
                ("label", msgspec.Raw),
                ("id", str | UnsetType, UNSET),
                ("row", Annotated[int, Meta(ge=0, lt=self.most)] | float | UnsetType, UNSET),
                ("key", (key if self.key else dict[str, Any]) | UnsetType, UNSET),
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(list[entry]).decode  # type: ignore[valid-type]

    def __call__(self, body: bytes) -> list[dict[str, Any]]:
        """The entries as they are logged; raises Rejection for anything that is not a label of this model."""
        text = body.strip(b" \t\r\n")
        one = text[:1] == b"{"
        try:
            found = self.decode(b"[%b]" % text if one else text)
        except msgspec.ValidationError as error:
            raise self._explained(str(error), one) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise error_messages.of_syntax(error) from None
        if not found:
            raise invalid("the body contains no labels", reason="structure")
        if len(found) > self.most:
            message = f"{len(found):,} labels in one request, at most {self.most:,} are accepted: send several requests"
            raise Rejection(413, "rows", message)
        entries = [self._entry(entry, None if one else i) for i, entry in enumerate(found)]
        # Only after the labels were read: before that, an entry can contain any JSON.
        refuse_repeated_keys(body)
        return entries

    def _entry(self, entry: Any, place: int | None) -> dict[str, Any]:
        at = f", entry {place}" if place is not None else ""
        if (entry.id is UNSET) == (entry.key is UNSET):
            found = "neither" if entry.id is UNSET else "both"
            raise invalid(f"id or key{at}: one of them is needed, {found} was sent", column="id", row=place)
        said: dict[str, Any] = {"label": self.labels(bytes(entry.label), at, place)}
        if entry.id is not UNSET:
            if not entry.id or len(entry.id) > 2 * LONGEST or not NAME.issuperset(entry.id):
                message = "letters, digits, - _ and . are allowed, as in the answer's x-request-id"
                raise invalid(f"id{at}: {message}", column="id", row=place)
            row = 0 if entry.row is UNSET else entry.row
            if row != int(row) or not 0 <= row < self.most:
                raise invalid(f"row{at}: a whole number from 0 to {self.most - 1} is needed", column="row", row=place)
            return {**said, "id": entry.id, "row": int(row)}
        if entry.row is not UNSET:
            raise invalid(f"row{at}: a key identifies one row: send row only with an id", column="row", row=place)
        if self.hidden or not self.key:
            why = f"{self.hidden[0]} is excluded from the log" if self.hidden else "this export has no key"
            raise invalid(f"key{at}: {why}: send labels by id", column="key", row=place)
        return {**said, "key": row_keys.settled(msgspec.structs.astuple(entry.key), self.key, place, "entry")}

    def _explained(self, said: str, one: bool) -> Rejection:
        """For JSON that is not a label."""
        message, path = error_messages.split(said)
        place = PLACE.match(path)
        row = int(place[1]) if place and not one else None
        field = place[2] if place else ""
        names = [key.name for key in self.key] if field.startswith("key") else ["id", "row", "key", "label"]
        at = f", entry {row}" if row is not None else ""
        wrong = error_messages.FIELD.match(message)
        if wrong and wrong[1] == "missing required":
            return invalid(f"{wrong[2]}{at}: the field is missing", column=wrong[2], row=row, reason="missing_column")
        if wrong:
            name = error_messages.shown(wrong[2])
            message = f"{name}{at}: no such field: the fields are {', '.join(names)}"
            return invalid(message, column=name, row=row, reason="unknown_column")
        name = field.removeprefix("key.") or ""
        key = next((key for key in self.key if field == f"key.{key.name}"), None)
        wanted = {"id": "text", "row": f"a whole number from 0 to {self.most - 1}", "key": "an object"}
        needs = row_keys.needed(key) if key else wanted.get(field, "a label, or a list of them")
        types = error_messages.TYPES.match(message)
        found = f"{error_messages.WORDS.get(types[2], types[2])} was sent, " if types else ""
        return invalid(f"{name or 'the body'}{at}: {found}{needs} is needed", column=name or None, row=row)


def label_reader(signature: Signature) -> Callable[[bytes, str, int | None], str]:
    """A function from a label as it was sent to the JSON text to log; it raises Rejection for an invalid label."""
    means = {as_sent(value): meant for value, meant in signature.label_values.items()}
    contrary = is_contrary(signature)
    texts = {json.dumps(value) for value in (*(() if contrary else signature.classes), *signature.label_values)}

    def of_class(sent: bytes, at: str, row: int | None) -> str:
        value = decoded(sent, at, row)
        if contrary and as_sent(value) not in means:
            raise wrong(f"one of {', '.join(sorted(texts))} is needed", sent, at, row)
        value = means.get(as_sent(value), value)
        for known, text in zip(signature.classes, map(json.dumps, signature.classes), strict=True):
            if is_class(value, known):
                return text
        raise wrong(f"one of {', '.join(sorted(texts))} is needed", sent, at, row)

    def of_value(sent: bytes, at: str, row: int | None) -> str:
        value = unquoted(decoded(sent, at, row))
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
            raise wrong("a number is needed", sent, at, row)
        return json.dumps(value)

    return of_value if signature.task == "regression" else of_class


def as_sent(value: Any) -> str | None:
    """A label's value as text, to look up what it means: 2, 2.0 and "2" are one. A truth value means itself."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return str(value).strip().removesuffix(".0")


def is_class(value: Any, known: Any) -> bool:
    """Whether what was sent means this class, as the table shows it: 1 or "yes" for true, 2.0 or "2" for 2.

    Neither true for 1 nor 1 for the text "1": a table does not show them so.
    """
    if isinstance(known, bool):
        return truth(value) is known if isinstance(value, bool | int | float | str) else False
    if isinstance(known, str) or isinstance(value, bool):
        return isinstance(known, str) and isinstance(value, str) and value == known
    number = unquoted(value)
    if isinstance(known, float) and isinstance(number, int):
        return float(number) == known  # as the class was read, to 53 bits
    return isinstance(number, int | float) and number == known


def unquoted(value: Any) -> Any:
    """A number that was sent as text, as a CSV file has it; everything else as it is."""
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER or not NUMBER.fullmatch(value.strip()):
        return value
    return int(value) if WHOLE.fullmatch(value.strip()) else float(value)


def decoded(sent: bytes, at: str, row: int | None) -> Any:
    try:
        return msgspec.json.decode(sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise wrong("a label is needed", sent, at, row) from None


def wrong(needed: str, sent: bytes, at: str, row: int | None) -> Rejection:
    short = sent[:40].decode(errors="replace") + ("…" if len(sent) > 40 else "")
    return invalid(f"label{at}: {short} was sent, {needed}", column="label", row=row, reason="label")
