"""Whether the server conforms to its OpenAPI description: Schemathesis generates requests and checks the answers."""

from __future__ import annotations

from typing import Any

INVOCATIONS = "/invocations"
SHOWN = 250  # characters of a request with a wrong answer
PAGES = ("/ping", "/ready", "/version", "/metrics", "/model-card")


def breaches(url: str, examples: int) -> list[str]:
    """How the server deviates from its OpenAPI description; empty where it conforms.

    `examples` bounds the requests that are made up, of either kind: what the description allows, and
    what it forbids.
    """
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    paths = described(url)
    always = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]
    found = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        judged = [*always, checks.negative_data_rejection] if mode is GenerationMode.NEGATIVE else always
        found += tried(paths[INVOCATIONS]["POST"], mode, judged, examples)
    for path in PAGES:
        try:
            paths[path]["GET"].Case().call_and_validate(checks=always)
        except BaseException as error:
            found.append(first_line(error))
    return found


def described(url: str) -> Any:
    """Its description; of what that forbids, 413 refuses too many rows, which schemathesis takes for an answer."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    statuses = {"expected-statuses": ["4xx", "503"]}
    config = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": statuses}})
    return schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)


def tried(operation: Any, mode: Any, judged: list[Any], examples: int) -> list[str]:
    from hypothesis import HealthCheck, Phase, given, settings

    asked: Any = None

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
        nonlocal asked
        asked = case.body
        case.call_and_validate(checks=judged)

    try:
        ask()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a group of what failed, or whatever the client raised
        # Without Phase.shrink the last one that was asked is the one that failed.
        return [f"{first_line(error)}: {str(asked)[:SHOWN]}"]
    return []


def first_line(error: BaseException) -> str:
    inner = getattr(error, "exceptions", None)
    if inner:
        return first_line(inner[0])
    return f"{type(error).__name__}: {(str(error).strip() or '?').splitlines()[0]}"
