"""Great Expectations without the configuration that an expectation makes of itself again for each of its arguments.

For every metric it asks itself for some twenty arguments, and each time all of its fields are copied, checked and put
together: a fifth of what a validation takes that is not the data's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def configured_once() -> Iterator[None]:
    """In the block, an expectation that collects its arguments makes its configuration once for all of them.

    The method that collects is a private one of Great Expectations: without effect where it is gone.
    """
    from great_expectations.expectations.expectation import Expectation

    make, collect = Expectation.configuration.fget, getattr(Expectation, "_get_runtime_kwargs", None)
    if collect is None:
        yield
        return
    made: dict[int, Any] = {}  # of the expectations that collect at this moment

    def configuration(expectation: Any) -> Any:
        return made[id(expectation)] if id(expectation) in made else make(expectation)

    def collected(expectation: Any, *given: Any, **named: Any) -> Any:
        made[id(expectation)] = make(expectation)
        try:
            return collect(expectation, *given, **named)
        finally:
            del made[id(expectation)]

    Expectation.configuration, Expectation._get_runtime_kwargs = property(configuration), collected
    try:
        yield
    finally:
        Expectation.configuration, Expectation._get_runtime_kwargs = property(make), collect
