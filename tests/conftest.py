"""What `make check` leaves out: beside the tests that are marked, each that has a server started or a model made."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A busy machine is slow: how long an example takes is no finding.
settings.register_profile("mainline", deadline=None)
settings.load_profile("mainline")

STORES = {"abfs", "archive", "gcs", "postgresql", "s3"}
SERVERS = {"docker", "mlflow_server", "oci_registry", "prometheus", "server"}
MODELS = {"multiclass", "regression", "unconverted"}  # exported; the binary one serves the quick tests
COSTLY = STORES | SERVERS | MODELS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and not COSTLY.isdisjoint(item.fixturenames):
            item.add_marker("slow")
