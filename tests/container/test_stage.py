"""The staging test passes what is fit, and each of its gates refuses what is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from mainline.config.loader import Params
from mainline.errors import ConfigurationError
from mainline.evaluation.results import Gate
from mainline.packaging.engine import Engine
from mainline.packaging.staging import report, tests
from tests.container.conftest import Built, gates

pytestmark = pytest.mark.slow


def failed(found: list[Gate]) -> dict[str, str]:
    return {gate.name: gate.measured for gate in found if not gate.passed}


def test_a_container_that_is_the_model_on_paper_passes(
    docker: Engine, built: Built, strict: Params, tmp_path: Path
) -> None:
    found = tests.stage(strict, docker, built.image.reference, built.export.record, built.requests)
    assert failed(found) == {}
    names = "cold start, start, model, parity, contract, latency, throughput, overload, memory, drain"
    assert [gate.name for gate in found] == names.split(", ")
    report.write(built.image.reference, found, tmp_path)
    assert json.loads((tmp_path / "stage.json").read_text())["passed"] is True
    assert "✅ Staging: the container passed" in (tmp_path / "stage.md").read_text()


def test_one_that_is_slower_or_bigger_or_another_is_refused(docker: Engine, built: Built, tmp_path: Path) -> None:
    impossible = gates(
        built.export,
        cold_start_seconds=0.001,
        p99_milliseconds=0.001,
        requests_per_second=1e9,
        memory_megabytes=1,
        image_megabytes=1,
    )
    scores = built.requests.scores.copy()
    scores[7] += 0.01
    requests = dataclasses.replace(built.requests, scores=scores)
    facts = dataclasses.replace(built.export.record.facts, fingerprint="0" * 64)
    record = dataclasses.replace(built.export.record, facts=facts)
    found = tests.stage(impossible, docker, built.image.reference, record, requests)
    told = failed(found)
    assert list(told) == ["cold start", "model", "parity", "latency", "throughput", "memory", "image size"]
    assert told["parity"].startswith("1 of ")
    assert "by up to 0.01" in told["parity"]
    assert told["model"].startswith("different: fingerprint")
    report.write(built.image.reference, found, tmp_path)
    assert json.loads((tmp_path / "stage.json").read_text())["passed"] is False
    assert "❌ Staging: 7 of 11 gates failed" in (tmp_path / "stage.md").read_text()


def test_one_that_needs_more_memory_than_it_gets_is_refused(docker: Engine, built: Built) -> None:
    tight = gates(built.export, memory_limit_megabytes=16)
    found = tests.stage(tight, docker, built.image.reference, built.export.record, built.requests)
    assert list(failed(found)) == ["start"]
    assert "does not start" in found[0].measured


def test_an_image_that_is_nowhere_is_a_wrong_call(docker: Engine, built: Built, strict: Params) -> None:
    with pytest.raises(ConfigurationError, match="cannot pull image"):
        tests.stage(strict, docker, "127.0.0.1:1/none", built.export.record, built.requests)
