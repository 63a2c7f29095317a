"""What a project can add to the machine: declarations by name, and the modules of its own that make them.

Each kind (source, metric, gate, deploy target, model exporter, report section, expectation) has one `Declarations`
next to its implementations. What is built in and what a project adds are registered there in the same way.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from mainline.config import user_code
from mainline.errors import ConfigurationError, MainlineError

if TYPE_CHECKING:
    from mainline.config.loader import Params

T = TypeVar("T")


class Declarations(Mapping[str, T]):
    """The declarations of one kind by name, in the order in which they were registered."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._declared: dict[str, T] = {}
        self._modules: dict[str, str] = {}

    def add(self, name: str, declaration: T, module: str) -> None:
        """Register a declaration of `module`.

        Raises
        ------
        ConfigurationError
            Where the name is taken, by what is built in or by another module.
        """
        if name in self._declared:
            taken = self._modules[name]
            by = "is built in" if built_in(taken) else f"is registered by {taken} already"
            raise ConfigurationError(f"the {self.kind} {name} {by}: choose another name")
        self._declared[name] = declaration
        self._modules[name] = module

    def named(self, name: str) -> T:
        """The declaration of this name.

        Raises
        ------
        ConfigurationError
            Where there is none; the message has the nearest name.
        """
        if name not in self._declared:
            raise ConfigurationError(f"there is no {self.kind} {name}: {hint(name, self)}")
        return self._declared[name]

    @contextmanager
    def calling(self, name: str) -> Iterator[None]:
        """Around a call of a declaration's function: what a project's own function raises is named as its own.

        Raises
        ------
        ConfigurationError
            With the line of the project's code; a `MainlineError` is passed on as it is.
        """
        try:
            yield
        except MainlineError:
            raise
        except Exception as error:
            if built_in(self._modules[name]):
                raise
            said = f"{user_code.where(error)}: {user_code.summary(error)}"
            raise ConfigurationError(f"the {self.kind} {name} of {self._modules[name]} failed{said}") from error

    def added(self) -> list[str]:
        """The names that the project's own modules registered."""
        return [name for name, module in self._modules.items() if not built_in(module)]

    def module(self, name: str) -> str:
        return self._modules[name]

    def __getitem__(self, name: str) -> T:
        return self._declared[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._declared)

    def __len__(self) -> int:
        return len(self._declared)


def built_in(module: str) -> bool:
    return module.partition(".")[0] == "mainline"


def hint(name: str, names: Iterable[str]) -> str:
    """The nearest valid name, or all of them."""
    known = list(names)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"


def load(params: Params) -> None:
    """Import the modules that `extensions` in `params.yaml` names; each registers what it adds.

    Raises
    ------
    ConfigurationError
        Where a module raises anything, such as for a name that is taken; it is named with its line.
    """
    for place, module in enumerate(params.settings.extensions):
        try:
            importlib.import_module(module)
        except Exception as error:
            said = str(error) if isinstance(error, MainlineError) else user_code.summary(error)
            at = f"{params.file}:{params.line('extensions', place)}: extensions: {module}"
            more = user_code.missing(error, module)
            raise ConfigurationError(f"{at} does not import{user_code.where(error)}: {said}{more}") from error
