"""The label's values: which of two is predicted, which of several are frequent enough, and how the frame gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mainline.data.prepare import FALSE_WORDS, TRUE_WORDS
from mainline.data.sources.duckdb_scan import is_nan, text
from mainline.data.split import quoted
from mainline.errors import ConfigurationError, DataError
from mainline.init.guesses import label_words
from mainline.init.guesses.table import Table, Told
from mainline.init.kinds import in_ibis, is_integer, kind_of, literal
from mainline.init.proposal import Column, Wishes

FEWEST_OF_A_CLASS = 5  # rows: with fewer, one side of the split has none too often
PREDICTED = (
    "bad", "fraud", "fraudulent", "default", "defaulted", "churn", "churned", "malignant", "denied", "deny", "died",
    "dead", "sick", "ill", "spam", "positive", "pos", "failed", "fail", "late", "left", "lost", "returned", "success",
    "high", "m",
)  # fmt: skip
ORDINARY = (
    "good", "benign", "b", "ham", "alive", "healthy", "ok", "passed", "pass", "approved", "negative", "neg", "stayed",
    "normal", "legit", "genuine", "low", "none", "paid", "survived", "absent",
)  # fmt: skip

NEGATIONS = [["no"], ["not"], ["non"], ["nein"], ["nicht"], ["nie"], ["nej"], ["nei"], ["nao"], ["não"]]
NEGATIONS += [["false"], ["faux"], ["falsch"], ["falso"], ["onwaar"]]


@dataclass(frozen=True)
class Label:
    """The label and its task."""

    column: Column
    task: str
    expression: str | None = None  # of Ibis
    sql: str = ""  # the label as the frame has it: 1 and 0 where binary, the number, or the class as text
    value: str = ""  # SQL of the label in the words of its own table
    counts: Mapping[str, int] | None = None  # rows by class, classes that are left out excluded
    words: Mapping[str, bool] | None = None  # `prepare.label_values`: of a binary label, unless its values say it
    frame_name: str | None = None  # in the frame, where it is not its column as that says it

    @property
    def name(self) -> str:
        """In the frame, in params.yaml and in feedback."""
        return self.frame_name or self.column.name

    @property
    def rows(self) -> int:
        """Rows with a label."""
        return sum(self.counts.values()) if self.counts is not None else self.column.rows - self.column.missing

    @property
    def positive_share(self) -> float:
        """Of a binary label."""
        return (self.counts or {}).get("true", 0) / max(self.rows, 1)


def binary(
    table: Table, column: Column, classes: Mapping[str, Sequence[str]], wishes: Wishes, told: Told,
    absent: Sequence[str] = (),
) -> Label:  # fmt: skip
    count_of = dict(column.top)
    said = {said: list(spelled) for said, spelled in classes.items()} or {value: [value] for value in count_of}
    counts = {each: sum(count_of[value] for value in spelled) for each, spelled in said.items()}
    positive, reason = predicted(column, said, counts, wishes)
    other = next(each for each in said if each != positive)
    shown = said[positive][0].strip()
    told.decide(f"label {column.name}", f"{shown} is positive", reason, f"POSITIVE={said[other][0].strip()}")
    condition, words = meanings(column, positive, said)
    inverted = kind_of(column.type) == "boolean" and positive == "false"
    expression = f"~{in_ibis(column.name)}" if inverted else None
    value = condition if words or inverted else quoted(column.name)
    if absent:
        expression = label_words.expression(column.name, absent)
        value = (
            f"CASE WHEN {quoted(column.name)}::VARCHAR IN ({', '.join(map(text, absent))}) THEN NULL ELSE {value} END"
        )
    label_sql = f"CASE WHEN {known(column)} IS NULL THEN NULL ELSE ({condition})::INT END"
    if words:
        told.reasons["prepare", "label_values"] = f"{reason}; feedback may say them too"
    by_class = {"true": counts[positive], "false": counts[other]}
    # By its own name, true would mean the column's true to whoever sends feedback.
    named = free_name(f"not_{column.name}", table) if inverted else None
    return Label(column, "binary", expression, label_sql, value, by_class, words, named)


def known(column: Column) -> str:
    """SQL of a column in which NaN is null, as the frame has the label."""
    name = quoted(column.name)
    return f"CASE WHEN {is_nan(name)} THEN NULL ELSE {name} END" if column.type in ("FLOAT", "DOUBLE") else name


def free_name(wanted: str, table: Table) -> str:
    """`wanted`, with an underscore for each column that is called so already, whatever its capital letters."""
    taken = {name.lower() for name in table.columns}
    while wanted.lower() in taken:
        wanted = f"{wanted}_"
    return wanted


def predicted(
    column: Column, said: Mapping[str, Sequence[str]], counts: Mapping[str, int], wishes: Wishes
) -> tuple[str, str]:
    """The class that is predicted, and why."""
    listed = list(said)
    if wishes.positive is not None:
        wished = wishes.positive.strip().lower()
        for each, spelled in said.items():
            if wished in (each.lower(), each.lower().removesuffix(".0"), *(s.strip().lower() for s in spelled)):
                return each, "as POSITIVE says"
        there = " and ".join(spelled[0].strip() for spelled in said.values())
        raise ConfigurationError(f"POSITIVE={wishes.positive}: {column.name} has the values {there}")
    lowered = {each.lower().removesuffix(".0"): each for each in listed}
    true = [each for low, each in lowered.items() if low in (*TRUE_WORDS, "1")]
    false = [each for low, each in lowered.items() if low in (*FALSE_WORDS, "0", "-1")]
    if true and (false or kind_of(column.type) == "text"):
        return true[0], "its values say what is true"
    for word, meaning in ((PREDICTED, 0), (ORDINARY, 1)):
        hit = [each for each in listed if each.lower() in word]
        if len(hit) == 1:
            found = hit[0] if meaning == 0 else next(each for each in listed if each != hit[0])
            return found, "by its name the case to look for"
    above = [each for each in listed if each.startswith(">")]
    if len(above) == 1:
        return above[0], "the upper of two ranges"
    negated = [
        a for a in listed for b in listed if a != b and a.lower() in (f"no {b}", f"not {b}", f"non-{b}", f"no{b}")
    ]
    negated = negated or [a for a in listed if a.lower().split()[0:1] in NEGATIONS]
    if len(negated) == 1:
        return next(each for each in listed if each != negated[0]), f"{negated[0]} denies it"
    rarer = min(sorted(listed, reverse=True), key=lambda each: counts[each])
    if len(set(counts.values())) == 1:
        return rarer, "both are equally frequent: the last one in the order of the values"
    return rarer, f"the rarer of the two: {counts[rarer]:,} of {sum(counts.values()):,} rows"


def meanings(column: Column, positive: str, said: Mapping[str, Sequence[str]]) -> tuple[str, dict[str, bool]]:
    """SQL of whether a row is positive, and `prepare.label_values`: empty where the values say it themselves."""
    sql, kind = quoted(column.name), kind_of(column.type)
    if kind == "boolean":
        return (sql if positive == "true" else f"NOT {sql}"), {}
    if kind == "number":
        number = positive.removesuffix(".0")
        plain = is_integer(column.type) and {each.removesuffix(".0") for each in said} == {"0", "1"} and number == "1"
        return f"{sql} = {number}", {} if plain else {each.removesuffix(".0"): each == positive for each in said}
    if positive in TRUE_WORDS and all(each in (*TRUE_WORDS, *FALSE_WORDS) for each in said) and unabridged(said):
        return f"lower(trim({sql})) IN ({', '.join(map(text, TRUE_WORDS))})", {}
    condition = f"{sql}::VARCHAR IN ({', '.join(map(text, said[positive]))})"
    return condition, {value: each == positive for each, spelled in said.items() for value in spelled}


def unabridged(said: Mapping[str, Sequence[str]]) -> bool:
    """Whether no value ends with a full stop, which the machine's own words do not have."""
    return not any(value.strip().endswith(".") for spelled in said.values() for value in spelled)


def multiclass(table: Table, column: Column, told: Told, absent: Sequence[str] = ()) -> Label:
    """Classes as the table writes them; one that is too rare to stand on both sides of the split has no label."""
    shown = f"{known(column)}::VARCHAR"
    counts: dict[str, int] = dict(table.all(f"{shown}, count(*)", f"WHERE {known(column)} IS NOT NULL GROUP BY 1"))
    rare = sorted(value for value, count in counts.items() if count < FEWEST_OF_A_CLASS)
    name, sql = in_ibis(column.name), quoted(column.name)
    number = kind_of(column.type) == "number"
    as_integer = number and not is_integer(column.type)
    expression = f'{name}.cast("int64")' if as_integer and column.whole else label_words.expression(column.name, absent)
    for value in rare:
        shown = value.removesuffix(".0") if number else literal(value)
        expression += f".nullif({shown})"
    if rare:
        listed = ", ".join(f"{value} ({counts[value]})" for value in rare)
        told.risk(
            column.name,
            f"classes with fewer than {FEWEST_OF_A_CLASS} rows cannot stand on both sides of the split: {listed}. "
            "Their rows have no label until there are more of them, or you group them with others",
        )
    kept = {value: count for value, count in counts.items() if value not in rare}
    if len(kept) < 2:
        raise DataError(f"LABEL={column.name}: fewer than two classes have {FEWEST_OF_A_CLASS} rows: nothing to learn")
    too_rare = ", ".join(text(value) for value in rare)
    as_text = f"{known(column)}::VARCHAR"
    label_sql = f"CASE WHEN {as_text} IN ({too_rare}) THEN NULL ELSE {as_text} END" if rare else as_text
    if absent:
        sql = f"CASE WHEN {sql}::VARCHAR IN ({', '.join(map(text, absent))}) THEN NULL ELSE {sql} END"
    return Label(
        column, "multiclass", None if expression == name else expression, label_sql, sql, dict(sorted(kept.items()))
    )
