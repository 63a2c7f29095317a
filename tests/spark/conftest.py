"""One cluster for all tests of a process that ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.spark.cluster import Cluster


@pytest.fixture(scope="session")
def whole() -> Iterator[Cluster]:
    from tests.spark import cluster

    with cluster.started() as found:
        yield found


@pytest.fixture
def cluster(whole: Cluster) -> Cluster:
    """With all of its processes, whatever a test has killed."""
    whole.complete()
    return whole
