"""The command line. Exit status: 0 passed, 1 a gate failed, 2 the configuration or the call is wrong, 3 the data is
invalid, 4 something outside failed."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mainline.cli import selection
from mainline.cli.commands import COMMANDS, listing
from mainline.config import environment
from mainline.errors import ConfigurationError, ExternalError, MainlineError
from mainline.runtime import terminal_text

# When these commands end, everything is written and all their processes have ended.
DONE = ("run", "train", "score")
INTERRUPTED = "Query interrupted"  # a RuntimeError of DuckDB, for what Python calls KeyboardInterrupt


def entry() -> None:
    """`main`, and then exit at once: to unload what a run has imported takes half a second."""
    status = main()
    if any(word in DONE for word in sys.argv[1:4]):  # after --model NAME too
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    # Libraries create hundreds of thousands of long-lived objects: to search them for garbage takes half a second.
    gc.set_threshold(100_000, 20, 100)
    environment.normalize(os.environ)
    terminal_text.never_fail()
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        name, words = selection.asked(words, os.environ)
        wanted = selection.chosen(words, name, Path.cwd())
    except MainlineError as error:
        print(f"mainline: {error}", file=sys.stderr)
        return error.status
    if len(wanted) > 1:
        return selection.one_after_another(wanted, words)
    with selection.working_for(wanted[0]):
        return called(words)


def called(words: Sequence[str]) -> int:
    """The status of one command, which works for one model."""
    call = parser(words[0] if words else None).parse_args(words)
    try:
        status: int = call.command(call)
        return status
    except MainlineError as error:
        print(f"mainline: {selection.in_words(str(error))}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return stopped()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"mainline: {where}{error.strerror or error}: nothing half-written is left", file=sys.stderr)
        return ExternalError.status
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("", "mainline", "pipelines"):
            return defect()
        print(
            f"mainline: {error.name} is not installed: the command's make target installs it, or make tools",
            file=sys.stderr,
        )
        return ConfigurationError.status
    except Exception as error:
        return stopped() if str(error) == INTERRUPTED else defect()


def stopped() -> int:
    print("mainline: stopped; what was recorded before is intact", file=sys.stderr)
    return 130


def defect() -> int:
    import traceback

    traceback.print_exc()
    print("mainline: this is a defect of Mainline, not yours; what was recorded before is intact", file=sys.stderr)
    return ExternalError.status


def parser(name: str | None = None) -> argparse.ArgumentParser:
    """The parser of the command `name`, the first word of the call: only that command's module is imported."""
    whole = argparse.ArgumentParser(
        prog="mainline",
        usage="mainline [--version] [--help] COMMAND …",
        description="Every model earns its way to main.",
        epilog=listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action=Version, nargs=0, help="print the version and exit")
    commands = whole.add_subparsers(required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="mainline")
    modules = {command.name: command.module for command in COMMANDS}
    if name in modules:
        importlib.import_module(f"mainline.cli.{modules[name]}").add(commands)
    elif name and not name.startswith("-"):
        import difflib

        near = difflib.get_close_matches(name, modules, n=1)
        hint = f"did you mean {near[0]}?" if near else "`mainline --help` lists the commands"
        whole.error(f"there is no command {name}: {hint}")
    return whole


class Version(argparse.Action):
    """Prints the version of `pyproject.toml`, which is stated nowhere else."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import tomllib
        from pathlib import Path

        project = Path(__file__).parents[3] / "pyproject.toml"
        if project.is_file():
            version = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
        else:  # installed as a wheel
            from importlib import metadata

            version = metadata.version("mainline")
        print(f"mainline {version}")
        parser.exit()
