"""The project's own code: imported by the paths in `params.yaml`; its errors are reported with their line."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import frameworks
from mainline.errors import ConfigurationError, MainlineError

if TYPE_CHECKING:
    from ibis.expr.types import Table


def prepare(path: str, tables: Mapping[str, Table]) -> Table:
    """The frame that the preparation function at `path` returns for the tables.

    Raises
    ------
    ConfigurationError
        Where it does not import, raises anything but a `MainlineError`, or returns no table.
    """
    return table("prepare.function", path, tables, "data.sources has")


def table(setting: str, path: str, tables: Mapping[str, Table], there: str = "its tables are") -> Table:
    """The Ibis table that the function at `path` returns for the tables; raises as `prepare` does."""
    import ibis

    function = imported(setting, path)
    try:
        expression = function(tables)
    except MainlineError:
        raise
    except (Exception, SystemExit) as error:
        unknown = isinstance(error, KeyError) and error.args and error.args[0] not in tables
        hint = f": {there} {', '.join(tables)}" if unknown else missing(error, path)
        raise ConfigurationError(f"{path} failed{where(error)}: {summary(error)}{hint}") from error
    if not isinstance(expression, ibis.Table):
        raise ConfigurationError(f"{path} returned {type(expression).__name__}, expected an Ibis table")
    return expression


def imported(setting: str, path: str) -> Any:
    """The object at an import path such as `flights.features:prepare`; `setting` is the name of its setting.

    Raises
    ------
    ConfigurationError
        Where it does not exist, or its module raises an error during the import.
    """
    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        whole = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        more = missing(error, module)
        raise ConfigurationError(
            f"params.yaml: {setting}: {path} does not import{where(error)}: {summary(error)}{more}"
        ) from error
    if not hasattr(whole, name):
        near = difflib.get_close_matches(name, dir(whole), n=1)
        hint = f": did you mean {near[0]}?" if near else ""
        raise ConfigurationError(f"params.yaml: {setting}: {module} has no {name}{hint}")
    return getattr(whole, name)


@contextlib.contextmanager
def calling(what: str, hint: Callable[[BaseException], str | None] = lambda error: None) -> Iterator[None]:
    """Around a call of the project's own code or of a library that it names: what this raises is theirs.

    Raises
    ------
    ConfigurationError
        With `what`, the last line of the project's code, the error, and a hint where there is one; a `MainlineError`
        is passed on as it is. `sys.exit` counts as an error: its status is not that of the run.
    """
    try:
        yield
    except MainlineError:
        raise
    except (Exception, SystemExit) as error:
        more = hint(error)
        raise ConfigurationError(
            f"{what}{where(error)}: {summary(error)}" + (f"; {more}" if more else missing(error, ""))
        ) from error


def missing(error: BaseException, module: str) -> str:
    """A hint about a missing package: a similar name of the project's own, or how to install another."""
    package = ((error.name if isinstance(error, ModuleNotFoundError) else None) or "").partition(".")[0]
    own = sorted(path.parent.name for path in Path("src").glob("*/__init__.py") if path.parent.name != "mainline")
    near = difflib.get_close_matches(package, own, n=1)
    if package in own or not package:
        return ""
    optional = frameworks.install(package)
    if optional:
        return f": {optional}"
    if near and package == module.partition(".")[0]:
        return f": did you mean {near[0]}?"
    return ": install a missing package with uv add --group train"


def where(error: BaseException) -> str:
    """` (src/shop/frame.py:12)`: the last line of the project's own code that led to the error, or nothing."""
    source, machine = Path.cwd() / "src", Path(__file__).parents[1]
    if isinstance(error, SyntaxError) and error.filename:
        lines = [(Path(error.filename), error.lineno or 0)]
    else:
        lines = [(Path(frame.filename), frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    own = [(path, line) for path, line in lines if path.is_relative_to(source) and not path.is_relative_to(machine)]
    return f" ({own[-1][0].relative_to(Path.cwd())}:{own[-1][1]})" if own else ""


def summary(error: BaseException) -> str:
    """The error's type and the first line of its message; for a missing module only the message."""
    text = error.msg if isinstance(error, SyntaxError) else str(error).strip()
    if isinstance(error, ImportError):
        return text
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__
