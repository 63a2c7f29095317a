"""The data gate, in a second process during the training: the raw tables first, then the prepared frame.

Its result for a table is kept under the digests of the table and its suite, and not computed again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import extensions, loader
from mainline.config.schema import Data, Features, Settings
from mainline.data import point_in_time
from mainline.data.collect import Collected, from_json, naming_damage, relation_sql, to_json
from mainline.data.feature_patterns import with_features
from mainline.data.frame_size import LOADED, cells_of, rows_of
from mainline.data.sources.duckdb_scan import parquet_file, reading
from mainline.data.split import ROW_ID
from mainline.data.validation import docs_index
from mainline.data.validation.results import Expectation, Severity, Validation
from mainline.data.validation.unchecked import unchecked
from mainline.errors import ConfigurationError
from mainline.runtime import models
from mainline.runtime.atomic_files import write_text
from mainline.runtime.file_digests import Watch
from mainline.runtime.quick_imports import plain_docstrings
from mainline.runtime.worker import Worker
from mainline.runtime.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyConnection

    from mainline.data.validation.table import Counts

FRAME = "frame"
DOCS = "data"  # their folder, below the reports


class Gate:
    """Starts the validation of tables and frame; `answer` waits for the results."""

    def __init__(
        self,
        settings: Settings,
        worker: Worker,
        workspace: Workspace,
        tables: Mapping[str, Collected],
        watch: Watch | None = None,
    ) -> None:
        check_suites(settings, workspace.root)
        self.worker = worker
        self.docs = workspace.reports / DOCS
        self.about = {
            "root": str(workspace.root),
            "state": str(workspace.home),
            "tables": to_json(dict(tables)),
            "watched": watch.files if watch else {},
            "features": settings.prepare.features.model_dump(),
        }
        self.settings, self.root, self.tables = settings, workspace.root, tables
        self.frame: Path | None = None
        self.asked: list[Future[Any]] = [worker.submit(of_tables, **self.about)]

    def ask_of_frame(self, frame: Path, digest: str) -> None:
        self.frame = frame
        self.asked.append(self.worker.submit(of_frame, frame=str(frame), digest=digest, **self.about))

    @property
    def has_answered(self) -> bool:
        return all(future.done() for future in self.asked)

    def answer(self) -> Validation:
        """Wait for all results, and write the index over the pages."""
        said = [future.result() for future in self.asked]
        found = [expectation for part in said for expectation in read(part["expectations"])]
        blind = unchecked(self.settings, self.root, self.tables, self.frame) if self.frame else []
        validation = Validation(found, round(sum(part["seconds"] for part in said), 3), blind)
        if validation.expectations:
            docs_index.write(validation, self.docs)
        return validation


def load_libraries() -> None:
    """Import what a validation needs, seconds of work, before the tables are known."""
    with plain_docstrings():
        from mainline.data.validation import run, suites, table_engine  # noqa: F401

    suites.built_in_types()


def check_suites(settings: Settings, root: Path) -> None:
    """Refuse a suite that no table has the name of: its table would pass without validation."""
    named = Path(settings.data.expectations)
    usual = (Path(Data.model_fields["expectations"].default), models.selected().expectations)
    if named not in usual and not (root / named).is_dir():
        raise ConfigurationError(f"params.yaml: data.expectations: the folder {named} does not exist")
    tables = [*settings.data.sources, FRAME]
    problems = []
    for path in sorted((root / named).glob("*.y*ml")):
        if path.suffix == ".yaml" and path.stem in tables:
            continue
        near = difflib.get_close_matches(path.stem, tables, n=1)
        hint = f"did you mean {near[0]}.yaml?" if near else f"the tables are {', '.join(tables)}"
        problems.append(f"{named / path.name}: suite files are named <table>.yaml: {hint}")
    if problems:
        raise ConfigurationError("\n".join(problems))


def of_tables(
    root: str, state: str, tables: str, watched: dict[str, Any], features: dict[str, list[str]]
) -> dict[str, Any]:
    settings, workspace = at(root, state, features)
    watch = Watch(watched)
    watch.check()
    started = time.perf_counter()
    found: list[Expectation] = []
    for table in from_json(tables).values():
        key = [column for column in settings.prepare.key if column in table.columns]
        found += of_table(settings, workspace, table, relation_sql(table), key, watch)
    return dataclasses.asdict(Validation(found, time.perf_counter() - started))


def of_frame(
    root: str,
    state: str,
    tables: str,
    watched: dict[str, Any],
    features: dict[str, list[str]],
    frame: str,
    digest: str,
) -> dict[str, Any]:
    settings, workspace = at(root, state, features)
    watch = Watch(watched)
    watch.check()
    started = time.perf_counter()
    sql = f"SELECT * EXCLUDE (row_id) FROM {parquet_file(Path(frame))}"
    table = as_collected(Path(frame), digest)
    found = of_table(settings, workspace, table, sql, settings.prepare.key, watch, cells_of(Path(frame)))
    found += of_time(settings, workspace, from_json(tables), Path(frame), digest, watch)
    return dataclasses.asdict(Validation(found, time.perf_counter() - started))


def at(root: str, state: str, features: dict[str, list[str]]) -> tuple[Settings, Workspace]:
    """The settings as params.yaml has them, with the columns that patterns among the features stand for."""
    workspace = Workspace.at(Path(root), Path(state))
    params = loader.load(workspace.params)
    extensions.load(params)
    return with_features(params.settings, Features(**features)), workspace


def as_collected(frame: Path, digest: str) -> Collected:
    """The prepared frame as a table of its own, which no cutoff applies to."""
    with reading() as connection:
        described = connection.execute(f"DESCRIBE FROM {parquet_file(frame)}").fetchall()
    return Collected(
        FRAME, [frame], "parquet", {name: kind for name, kind, *_ in described if name != ROW_ID}, None, time=None,
        timezone="UTC", known_after=None, known_ahead=False, before=None, digest=digest, rows=rows_of(frame),
        start=None, end=None,
    )  # fmt: skip


def of_table(
    settings: Settings,
    workspace: Workspace,
    table: Collected,
    sql: str,
    key: Sequence[str],
    watch: Watch,
    cells: int | None = None,
) -> list[Expectation]:
    """The results of the table's suite; none for a table without a suite.

    A table of a few `cells` (by default its rows times its columns) is loaded, which takes less time than asking DuckDB
    for every count.
    """
    name, digest = table.name, table.digest
    cells = table.rows * len(table.columns) if cells is None else cells
    suite = Path(settings.data.expectations, f"{name}.yaml")
    file = workspace.root / suite
    if not file.exists():
        return []
    asked = json.dumps([str(settings.data.cutoff), *key])  # several models may read this table
    judged_by = (file.read_bytes(), asked.encode(), *own_code(settings, workspace.root))
    kept = workspace.checks / f"{name}-{seal(digest, *judged_by)}"
    if (kept / "answer.json").exists():
        publish_docs(workspace, name, kept)
        known = read(json.loads((kept / "answer.json").read_text(encoding="utf-8")))
        return [dataclasses.replace(expectation, file=str(suite)) for expectation in known]
    from mainline.data.validation import data_docs, run
    from mainline.data.validation.table import examined, opened

    on_spark = settings.data.engine == "spark" and table.rows >= settings.data.spark.least_rows
    limit, given = settings.data.memory_megabytes, {"until": settings.data.cutoff}
    try:
        with naming_damage([] if name == FRAME else [table]):
            if cells <= LOADED and not limit and not on_spark:
                checked = run.check(name, fetch(sql), run.load_suite(suite), key, given)
            else:
                text = table.format != "parquet"  # which is read once, not once for each query
                with opened(sql, text, limit) as rows, counting(settings, rows, table, kept.parent, on_spark) as counts:
                    checked = run.check(name, examined(rows, bool(limit), counts), run.load_suite(suite), key, given)
    finally:
        watch.check()  # also before an error: a file that moves may look broken
    data_docs.write_page(checked, kept)
    found = checked.expectations
    write_text(kept / "answer.json", json.dumps([dataclasses.asdict(e) for e in found], default=str))
    publish_docs(workspace, name, kept)
    return found


@contextlib.contextmanager
def counting(
    settings: Settings, connection: DuckDBPyConnection, table: Collected, place: Path, on_spark: bool
) -> Iterator[Counts | None]:
    """The engine beside DuckDB that counts the rows, where there is one."""
    if not on_spark:
        yield None
        return
    from mainline.data.spark import counts

    with counts.opened(settings, connection, table, place) as found:
        yield found


def publish_docs(workspace: Workspace, name: str, kept: Path) -> None:
    """Great Expectations' page of a table, next to the reports."""
    page = kept / f"{name}.html"
    if page.exists():
        write_text(workspace.reports / DOCS / page.name, page.read_text(encoding="utf-8"))


def of_time(
    settings: Settings, workspace: Workspace, tables: Mapping[str, Collected], frame: Path, digest: str, watch: Watch
) -> list[Expectation]:
    """The point-in-time check, as one expectation per feature that failed it."""
    checks = settings.prepare.time_travel_checks
    if not settings.prepare.time or not checks:
        return []
    kept = workspace.checks / f"time-{seal(digest, str(checks).encode(), *own_code(settings, workspace.root))}.json"
    if kept.exists():
        return placed(workspace, read(json.loads(kept.read_text(encoding="utf-8"))))
    try:
        leaks = point_in_time.check(settings, tables, frame)
    finally:
        watch.check()
    found = [
        Expectation(
            table=FRAME,
            type="time_travel",
            column=leak.column,
            rule=f"prepared as of an earlier moment, the rows before it are the same ({checks} moments)",
            severity=Severity.critical,
            success=False,
            rows=leak.of,
            unexpected=leak.rows,
            examples=[],
            observed=str(leak),
            note=None,
            file=str(workspace.of.params),
            line=1,  # the file may be edited before this result is read again: see `placed`
        )
        for leak in leaks
    ]
    write_text(kept, json.dumps([dataclasses.asdict(e) for e in found]))
    return placed(workspace, found)


def placed(workspace: Workspace, found: list[Expectation]) -> list[Expectation]:
    """The findings of the time-travel check with the line of its setting."""
    if not found:
        return []
    line = loader.load(workspace.params).line("prepare", "time_travel_checks")
    return [dataclasses.replace(expectation, line=line) for expectation in found]


def fetch(sql: str) -> pd.DataFrame:
    with reading() as connection:
        rows: pd.DataFrame = connection.execute(sql).df()
    return rows


def seal(digest: str, *more: bytes) -> str:
    whole = hashlib.sha256(digest.encode())
    for part in more:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:32]


def own_code(settings: Settings, root: Path) -> list[bytes]:
    """Results of other code are not valid for this code; a project's extensions may declare expectations."""
    rooms = [Path(loader.__file__).parent, Path(__file__).parents[1]]
    files = [path for room in rooms for path in sorted(room.rglob("*.py"))]
    if settings.extensions:
        files += [path for path in sorted((root / "src").rglob("*.py")) if "mainline" not in path.parts]
    return [path.read_bytes() for path in files]


def read(answers: list[dict[str, Any]]) -> list[Expectation]:
    return [Expectation(**{**answer, "severity": Severity(answer["severity"])}) for answer in answers]
