"""Requests that schemathesis makes from the server's own description, and what it checks of the answers.

It takes a second to import: a file with quick tests imports this module inside a test.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from mainline.packaging.staging.contract import described
from tests.mainline.serving.conftest import Server

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ALLOWED = [*CHECKS, positive_data_acceptance]
FORBIDDEN = [*CHECKS, negative_data_rejection]
FEW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def operation(server: Server, method: str, path: str) -> Any:
    return described(server.url)[path][method]


def allowed_case(described: Any) -> Any:
    return given(case=described.as_strategy(generation_mode=GenerationMode.POSITIVE))


def forbidden_case(described: Any) -> Any:
    return given(case=described.as_strategy(generation_mode=GenerationMode.NEGATIVE))
