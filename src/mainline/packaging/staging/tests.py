"""The staging tests: the built image runs as in production, and is compared with the recorded model."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from mainline.config.loader import Params
from mainline.errors import ConfigurationError, MainlineError
from mainline.evaluation.results import Gate
from mainline.packaging.engine import Engine
from mainline.packaging.staging import contract, load, parity
from mainline.packaging.staging.container import Running, running
from mainline.packaging.staging.parity import HoldoutRequests
from mainline.training.record import Record

OVERLOAD = 400  # requests at once: more than the 256 that the server lets wait
OVERLOAD_ROWS = 200
DRAINED = 30.0  # seconds in which a stopped container must have ended
REFUSED = {429, 503}


@dataclass(frozen=True)
class Staging:
    """What every gate measures."""

    params: Params
    engine: Engine
    image: str
    record: Record
    requests: HoldoutRequests
    server: Running

    def gate(self, name: str, rule: str, measured: str, passed: bool, *keys: str) -> Gate:
        return Gate(name, rule, measured, passed, self.params.reason("stage", *keys) if keys else None)


def stage(params: Params, engine: Engine, image: str, record: Record, requests: HoldoutRequests) -> list[Gate]:
    """Every gate, in the order in which they were measured; what cannot be measured fails.

    Raises
    ------
    ConfigurationError
        Where the engine does not have the image and cannot get it.
    """
    have(engine, image)
    settings = params.settings.stage
    try:
        with running(engine, image, settings.memory_limit_megabytes) as server:
            return list(judged(Staging(params, engine, image, record, requests, server)))
    except MainlineError as error:
        if isinstance(error, ConfigurationError):
            raise
        rule = f"read-only, no privileges, {settings.memory_limit_megabytes} MB of memory"
        return [Gate("start", rule, str(error), False)]


def judged(staging: Staging) -> Iterator[Gate]:
    settings = staging.params.settings.stage
    # First, since what comes later is later.
    yield attempt("cold start", staging, cold_start)
    yield attempt("start", staging, hardened)
    yield attempt("model", staging, identity)
    yield attempt("parity", staging, same_answers)
    yield attempt("contract", staging, keeps_contract)
    yield from under_load(staging)
    yield attempt("overload", staging, overload)
    if settings.memory_megabytes is not None:
        yield attempt("memory", staging, memory)
    if settings.image_megabytes is not None:
        yield attempt("image size", staging, size)
    yield attempt("drain", staging, drain)


def attempt(name: str, staging: Staging, measure: Callable[[Staging], Gate]) -> Gate:
    """A gate that fails where it cannot be measured, and says why."""
    try:
        return measure(staging)
    except (MainlineError, OSError, ValueError, KeyError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
        if not staging.server.state().get("Running"):
            killed = "killed for its memory" if staging.server.state().get("OOMKilled") else "ended"
            why = f"the container has {killed}. Last log lines: {staging.server.last_log_lines()}"
        return Gate(name, (measure.__doc__ or "").splitlines()[0], f"not measurable: {why}", False)


def cold_start(staging: Staging) -> Gate:
    """From the start of the process to the first prediction."""
    limit = staging.params.settings.stage.cold_start_seconds
    while staging.server.ask("POST", "/invocations", staging.requests.body(0, 1))[0] != 200:
        if time.time() - staging.server.started > DRAINED:
            raise ValueError("no prediction within half a minute")
        time.sleep(0.005)
    took = time.time() - staging.server.started
    rule = f"the first prediction at most {limit:g} s after the start" if limit else "it predicts"
    return staging.gate("cold start", rule, f"{took:.2f} s", limit is None or took <= limit, "cold_start_seconds")


def hardened(staging: Staging) -> Gate:
    """Read-only, without privileges, not as root."""
    found = staging.engine.container(staging.server.id) or {}
    user = str(found["Config"].get("User") or "root")
    limit = staging.params.settings.stage.memory_limit_megabytes
    passed = bool(found["HostConfig"]["ReadonlyRootfs"]) and user.split(":")[0] not in ("root", "0", "")
    said = f"answers as user {user}" if passed else f"runs as user {user}"
    return staging.gate(
        "start", f"read-only, no privileges, not root, {limit} MB", said, passed, "memory_limit_megabytes"
    )


def identity(staging: Staging) -> Gate:
    """The model in the image is the one that was reviewed."""
    reported = json.loads(staging.server.ask("GET", "/version")[1])
    labels = ((staging.engine.image(staging.image) or {}).get("Config") or {}).get("Labels") or {}
    wanted = {
        "pipeline_digest": staging.record.digest,
        "fingerprint": staging.record.fingerprint,
        "model_digest": labels.get("mainline.model"),
    }
    other = [f"{name} {str(reported.get(name))[:12]}" for name, value in wanted.items() if reported.get(name) != value]
    rule = f"the reviewed model {staging.record.digest[:12]}, in the server's `/version` and in the image's labels"
    return staging.gate("model", rule, "the same" if not other else f"different: {', '.join(other)}", not other)


def same_answers(staging: Staging) -> Gate:
    """The answers for the holdout over HTTP equal the recorded ones, row by row."""
    wrong, largest = parity.differences(staging.server, staging.requests)
    rows = len(staging.requests.rows)
    said = (
        f"{rows:,} rows agree to {largest:.1g}"
        if not wrong
        else f"{wrong:,} of {rows:,} differ, by up to {largest:.2g}"
    )
    return staging.gate(
        "parity", "the answers for the holdout over HTTP equal the recorded ones, row by row", said, not wrong
    )


def keeps_contract(staging: Staging) -> Gate:
    """The server conforms to its OpenAPI description."""
    examples = staging.params.settings.stage.contract_examples
    found = contract.breaches(staging.server.url, examples)
    said = "; ".join(found)[:400] if found else f"{2 * examples} generated requests and the pages: no deviation"
    return staging.gate(
        "contract", "the server conforms to its OpenAPI description", said, not found, "contract_examples"
    )


def under_load(staging: Staging) -> Iterator[Gate]:
    """Latency and throughput, of one run."""
    settings = staging.params.settings.stage
    bodies = staging.requests.bodies(1)
    load.send_requests(staging.server.url, bodies, settings.connections, 0.5)
    found = load.send_requests(staging.server.url, bodies, settings.connections, settings.load_seconds)
    failed = sum(found.errors.values()) + sum(n for status, n in found.statuses.items() if status != 200)
    trouble = f", {failed} failed ({dict(found.errors) or dict(found.statuses)})" if failed else ""
    p99 = 1000 * found.quantile(0.99)
    of = f"{settings.connections} connections, {settings.load_seconds:g} s"
    if settings.p99_milliseconds is not None:
        limit = settings.p99_milliseconds
        said = f"{p99:.1f} ms, median {1000 * found.quantile(0.5):.1f} ms{trouble}"
        rule = f"99 % of single rows within {limit:g} ms ({of})"
        yield staging.gate("latency", rule, said, p99 <= limit and not failed, "p99_milliseconds")
    if settings.requests_per_second is not None:
        least = settings.requests_per_second
        rule = f"at least {least:g} requests a second ({of})"
        passed = found.rate >= least and not failed
        yield staging.gate("throughput", rule, f"{found.rate:,.0f}/s{trouble}", passed, "requests_per_second")


def overload(staging: Staging) -> Gate:
    """Under overload, every request is answered or refused with 429 or 503."""
    body = staging.requests.bodies(min(OVERLOAD_ROWS, len(staging.requests.rows)), most=1)[0]
    found = load.at_once(staging.server.url, body, OVERLOAD)
    turned = sum(found.statuses[status] for status in REFUSED)
    strange = [f"{n} × {status}" for status, n in found.statuses.items() if status != 200 and status not in REFUSED]
    strange += [f"{n} × {error}" for error, n in found.errors.items()]
    try:
        after: int | str = staging.server.ask("POST", "/invocations", staging.requests.body(0, 1), load.PATIENCE)[0]
    except TimeoutError:
        after = "no answer"
    except (OSError, http.client.HTTPException):
        if not awaited_end(staging, load.PATIENCE).get("Running"):
            raise
        after = "no answer"
    longest = max(found.latencies, default=0)
    said = f"{found.statuses[200]} answered, {turned} refused with 429 or 503, longest {longest:.1f} s"
    if strange:
        said += f"; {', '.join(strange)}"
    if after != 200:
        said += f"; afterwards {after}"
    rule = f"{OVERLOAD} requests of {OVERLOAD_ROWS} rows at once: each is answered, or refused with 429 or 503"
    return staging.gate("overload", rule, said, not strange and after == 200)


def awaited_end(staging: Staging, seconds: float) -> dict[str, Any]:
    """The container's state once it has ended, which the engine hears a moment later; or as it runs on after that."""
    until = time.monotonic() + seconds
    while (state := staging.server.state()).get("Running") and time.monotonic() < until:
        time.sleep(0.05)
    return state


def memory(staging: Staging) -> Gate:
    """Resident memory after the load."""
    limit = staging.params.settings.stage.memory_megabytes
    assert limit
    found = staging.server.memory()
    return staging.gate(
        "memory", f"at most {limit:g} MB after the load", f"{found:.0f} MB", found <= limit, "memory_megabytes"
    )


def size(staging: Staging) -> Gate:
    """What the image adds to its base image."""
    limit = staging.params.settings.stage.image_megabytes
    assert limit
    image = staging.engine.image(staging.image) or {}
    base = (image["Config"].get("Labels") or {}).get("org.opencontainers.image.base.name", "")
    below = staging.engine.image(base) if base else None
    if base and below is None:
        staging.engine.run("pull", base)
        below = staging.engine.image(base)
    layers = image["RootFS"]["Layers"]
    if below is None or layers[: len(below["RootFS"]["Layers"])] != below["RootFS"]["Layers"]:
        raise ValueError(f"the image is not based on the local {base or 'unnamed'}")
    found = (image["Size"] - below["Size"]) / 1e6
    return staging.gate(
        "image size", f"at most {limit:g} MB beyond {base}", f"{found:.1f} MB", found <= limit, "image_megabytes"
    )


def drain(staging: Staging) -> Gate:
    """SIGTERM under load loses no request."""
    engine, name = staging.engine, staging.server.id
    bodies = staging.requests.bodies(1)
    begun = partial(engine.run, "kill", "--signal", "TERM", name)
    found = load.until_told(staging.server.url, bodies, 8, begun, DRAINED)
    lost = sum(found.errors.values()) + sum(n for status, n in found.statuses.items() if status != 200)
    state = awaited_end(staging, DRAINED)
    ended = not state.get("Running")
    status = state.get("ExitCode") if ended else "none, it is still running"
    said = f"{len(found.latencies):,} answered, {lost} lost; exit status {status}"
    rule = "after SIGTERM under load, no request is lost and the exit status is 0"
    return staging.gate("drain", rule, said, not lost and ended and status == 0 and bool(found.latencies))


def have(engine: Engine, image: str) -> None:
    if engine.image(image) is None:
        try:
            engine.run("pull", image)
        except MainlineError as error:
            raise ConfigurationError(f"cannot pull image {image}: {error}") from None
