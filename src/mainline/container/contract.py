"""Does the server keep to its own description? Schemathesis makes requests from it, and judges the answers."""

from __future__ import annotations

from typing import Any

INVOCATIONS = "/invocations"
PAGES = ("/ping", "/ready", "/version", "/metrics", "/model-card")


def breaches(url: str, examples: int) -> list[str]:
    """What it did that its OpenAPI description does not say; empty where it keeps to it.

    `examples` bounds the requests that are made up, of either kind: what the description allows, and
    what it forbids.
    """
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    described = schemathesis.openapi.from_url(f"{url}/openapi.json")
    always = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    found = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        judged = [*always, checks.negative_data_rejection] if mode is GenerationMode.NEGATIVE else always
        found += tried(described[INVOCATIONS]["POST"], mode, judged, examples)
    for path in PAGES:
        try:
            described[path]["GET"].Case().call_and_validate(checks=always)
        except BaseException as error:
            found.append(first_line(error))
    return found


def tried(operation: Any, mode: Any, judged: list[Any], examples: int) -> list[str]:
    from hypothesis import HealthCheck, Phase, given, settings

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(checks=judged)

    try:
        ask()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a group of what failed, or whatever the client raised
        return [first_line(error)]
    return []


def first_line(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    if inner:
        return first_line(inner[0])
    return f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0]}"
