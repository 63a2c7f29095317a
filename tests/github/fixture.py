"""The fixture `github`, cheap to import where no test of a folder asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.github.double import GitHubDouble


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    """GitHub on the loopback; the test fails where a request or an answer was not GitHub's."""
    from tests.github.double import running

    with running() as double:
        yield double
    if double.problems:
        pytest.fail("GitHub would not have it:\n" + "\n".join(double.problems))
