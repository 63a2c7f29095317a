"""Whether an exported model answers as the fitted pipeline has: on every holdout row, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mainline.config.schema import Settings
from mainline.data.split import ROW_ID, sides
from mainline.errors import ExternalError
from mainline.packaging.answer_scale import scale_of
from mainline.serving.scorer import Scorer
from mainline.serving.signature import MISSING, Signature
from mainline.training import parts
from mainline.training.record import Record, align

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Part = tuple[pd.DataFrame, NDArray[np.float64]]

TOLERANCE = 1e-5  # of probabilities; of values relative to `scale_of`
SOME = 1000  # rows at the start of the holdout, and as many that are spread over it
EXAMPLES = 2


class Disagreement(Exception):
    """The exported model and the fitted pipeline give different answers."""


@dataclass
class HoldoutRows:
    """The holdout rows of a record with their recorded answers, in parts; one part is kept in memory, several are not.

    Raises
    ------
    ExternalError
        Where the frame's holdout is not that of the record.
    """

    settings: Settings
    record: Record
    frame: Path
    kept: list[Part] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.record.holdout.row_id)

    def __iter__(self) -> Iterator[Part]:
        if self.kept:
            yield from self.kept
            return
        columns, number, count = [ROW_ID, *self.settings.prepare.features.names], 0, 0
        for rows in parts.read(self.settings, self.frame, sides(self.settings).holdout, *columns):
            found = rows, answers_in(self.record, rows)
            number, count = number + 1, count + len(rows)
            self.kept = [found] if number == 1 else []
            yield found
        if count != len(self):
            raise another_holdout(self.record)

    @property
    def scale(self) -> float:
        return scale_of(self.settings.task, self.record.holdout.score)

    def first_spread_and_examples(self, names: list[str]) -> tuple[Part, pd.DataFrame, pd.DataFrame]:
        """The first rows with their answers, rows from all over the holdout, and those with the fewest missing values.

        The parts are read to their end.
        """
        import pandas as pd

        first, spread, examples, place = None, [], [], 0
        step = max(1, len(self) // SOME)
        for rows, recorded in self:
            first = (rows.iloc[:SOME], recorded[:SOME]) if first is None else first
            spread.append(rows.iloc[-place % step :: step])
            examples.append(with_fewest_missing(rows, names))
            place += len(rows)
        assert first is not None
        return first, pd.concat(spread), with_fewest_missing(pd.concat(examples), names)


def with_fewest_missing(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The first two rows with the fewest missing values."""
    missing = rows[names].isna().sum(axis=1).to_numpy()
    return rows.iloc[missing.argsort(kind="stable")[:EXAMPLES]]


def recorded_answers(record: Record, rows: pd.DataFrame) -> NDArray[np.float64]:
    """The recorded answers of the record's holdout, in the order of `rows`, which must be all of it."""
    if len(rows) != len(record.holdout.row_id):
        raise another_holdout(record)
    return answers_in(record, rows)


def answers_in(record: Record, rows: pd.DataFrame) -> NDArray[np.float64]:
    place = align(rows[ROW_ID].to_numpy(), record.holdout)
    if (place < 0).any():
        raise another_holdout(record)
    return record.holdout.score[place]


def another_holdout(record: Record) -> ExternalError:
    return ExternalError(
        f"{record.path}: its holdout is not that of the prepared frame: run `make clean`, then run again"
    )


def check(
    signature: Signature, scorer: Scorer, scale: float, rows: pd.DataFrame, expected: NDArray[np.float64], what: str
) -> float:
    """As `check_parts`, of rows in memory."""
    return check_parts(signature, scorer, scale, [(rows, expected)], what)


def check_parts(signature: Signature, scorer: Scorer, scale: float, asked: Iterable[Part], what: str) -> float:
    """The largest difference between the scorer's answers and the expected ones, relative to `scale`.

    Raises
    ------
    Disagreement
        Where a row differs by more than the tolerance, or an answer is no number.
    """
    import numpy as np

    count, wrong, differences, values = 0, 0, [0.0], [0.0]
    for rows, expected in asked:
        difference = np.abs(answers_of(signature, scorer, rows, what) - expected) / scale
        count += len(rows)
        wrong += int((~(difference <= TOLERANCE).reshape(len(rows), -1).all(axis=1)).sum())
        differences.append(float(np.nanmax(difference, initial=0.0)))
        values.append(float(np.nanmax(np.abs(expected), initial=0.0)))
    largest = max(differences)
    if wrong:
        narrow = scale < max(values) and largest * scale < TOLERANCE * max(values)
        why = f" times {scale:.3g}: its values lie too close together for numbers of 32 bits" if narrow else ""
        raise Disagreement(
            f"converted, it differs from the fitted pipeline on {wrong:,} of {count:,} {what}, "
            f"by up to {largest:.2g}{why}"
        )
    return largest


def answers_of(signature: Signature, scorer: Scorer, rows: pd.DataFrame, what: str) -> NDArray[np.float64]:
    import numpy as np

    try:
        answers = np.asarray(scorer(*matrices(signature, rows)), dtype=np.float64)
        classes = 2 if signature.task == "binary" else len(signature.classes)
        wanted = (len(rows),) if signature.task == "regression" else (len(rows), classes)
    except ValueError as error:
        raise Disagreement(f"it does not answer {len(rows):,} {what}: {error}") from None
    if answers.shape != wanted:
        raise Disagreement(f"its answers for {len(rows):,} {what} have the shape {answers.shape} instead of {wanted}")
    return answers[:, 1] if signature.task == "binary" else answers


def matrices(signature: Signature, rows: pd.DataFrame) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """A frame's features as the scorer takes them."""
    import numpy as np

    text = rows[[column.name for column in signature.categorical]].astype(object)
    categorical = text.where(text.notna(), MISSING).to_numpy(dtype=object)
    numeric = rows[[column.name for column in signature.numeric]].to_numpy(dtype=np.float32)
    return categorical, numeric
