"""What a build is told, without an engine."""

from __future__ import annotations

import json
import math
import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mainline.errors import ConfigurationError, ExternalError
from mainline.packaging import build_context, engine, log_shipper_image
from mainline.packaging import image as build
from mainline.packaging.staging.container import megabytes, timestamp
from mainline.serving.signature import Agreement, write
from tests.exports import Export, make
from tests.projects import TOP


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(tmp_path_factory.mktemp("export"))


@pytest.mark.slow
def test_a_package_index_reaches_the_build_by_name_and_its_password_is_in_no_call(made: Export) -> None:
    address = "https://reader:hunter2@packages.example/simple"  # pragma: allowlist secret
    environment = {"UV_DEFAULT_INDEX": address, "OTHER": "x"}
    given = build.arguments("python:3.11-slim", 0, made.signature, environment)
    assert given["UV_DEFAULT_INDEX"] is None
    assert not any("hunter2" in str(value) for value in given.values())
    assert "UV_INDEX" not in given


@pytest.mark.slow
def test_an_image_is_linked_to_its_repository_wherever_it_is_pushed_from(made: Export, tmp_path: Path) -> None:
    program, calls = tmp_path / "engine", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ $1 = image ] && echo \'[{{"Id": "sha256:ab"}}]\' || true\n')
    program.chmod(0o755)
    environment = {"GITHUB_SERVER_URL": "https://github.test", "GITHUB_REPOSITORY": "team/model"}
    built = build.build(engine.Engine(str(program)), TOP, made.folder, None, environment)
    assert built.labels["org.opencontainers.image.source"] == "https://github.test/team/model"
    assert "--label org.opencontainers.image.source=https://github.test/team/model" in calls.read_text()
    log_shipper_image.shipper(engine.Engine(str(program)), TOP, None, environment)
    assert calls.read_text().count("org.opencontainers.image.source=https://github.test/team/model") == 2


def test_only_what_serves_is_laid_out_and_with_fixed_times(made: Export) -> None:
    with build_context.create(TOP, made.signature, made.folder, 86_400) as folder:
        found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
        assert {"uv.lock", "model/serving.json", "model/model.onnx", "src/mainline/serving/app.py"} <= found
        assert not any("training" in name or "__pycache__" in name for name in found)
        assert {os.stat(path).st_mtime for path in folder.rglob("*")} == {86_400}


def test_a_last_digit_that_another_processor_measures_is_no_reason_to_build_again(made: Export, tmp_path: Path) -> None:
    """ONNX Runtime chooses its instructions by the processor: the answers to the same rows differ in the last digit."""

    def with_signature(**changes: Any) -> str:
        folder = tmp_path / "-".join(changes)
        shutil.copytree(made.folder, folder)
        write(msgspec.structs.replace(made.signature, **changes), folder)
        return build.inputs(TOP, folder)

    here = build.inputs(TOP, made.folder)
    agreed = made.signature.agreement
    answers = [[math.nextafter(value, 1.0) for value in row] for row in made.signature.answers]
    assert answers != made.signature.answers
    assert with_signature(answers=answers) == here
    assert with_signature(agreement=Agreement(agreed.rows, math.nextafter(agreed.largest, 1.0))) == here
    assert with_signature(threshold=0.7) != here
    assert with_signature(example=made.signature.example[::-1]) != here


def test_a_moved_base_is_a_reason_to_build_and_another_pythons_pin_is_not_taken(made: Export, tmp_path: Path) -> None:
    for file in ("uv.lock", "pyproject.toml", "deploy/Dockerfile"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(TOP / file, tmp_path / file)
    base = tmp_path / "deploy" / "base" / "Dockerfile"
    base.parent.mkdir()
    found = []
    for digest in ("a" * 64, "b" * 64):
        base.write_text(f"# Why\nFROM {build.matching_base()}@sha256:{digest}\n", encoding="utf-8")
        assert build.base_of(tmp_path, {}).endswith(digest)
        found.append(build.inputs(tmp_path, made.folder, {}))
    assert found[0] != found[1]
    base.write_text(f"FROM python:2.7-slim@sha256:{'a' * 64}\n", encoding="utf-8")
    assert build.base_of(tmp_path, {}) == build.matching_base()
    assert build.base_of(tmp_path, {"MAINLINE_BASE": "registry.example/base"}) == "registry.example/base"


@pytest.mark.slow
def test_a_fitted_pipeline_takes_the_code_that_it_names(tmp_path: Path) -> None:
    made = make(tmp_path, estimator_params="{max_iter: 20, early_stopping: false, categorical_features: [0, 1]}")
    assert made.signature.engine == "sklearn"
    assert "pipeline" in build.selection(made.signature)
    with build_context.create(TOP, made.signature, made.folder, 0) as folder:
        assert (folder / "src" / "mainline" / "training" / "pipeline.py").exists()
        own = [path.parent.name for path in (TOP / "src").glob("*/__init__.py")]
        assert len(own) > 1
        assert all((folder / "src" / name / "__init__.py").exists() for name in own)


def test_an_engine_that_is_not_installed_is_said_by_name() -> None:
    with pytest.raises(ConfigurationError, match="no-such-engine is not installed here"):
        engine.find({"MAINLINE_ENGINE": "no-such-engine"})


def test_an_engine_that_does_not_answer_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    silent = tmp_path / "engine"
    silent.write_text("#!/bin/sh\necho 'cannot connect to the daemon' >&2\nexit 1\n")
    silent.chmod(0o755)
    with pytest.raises(ExternalError, match="installed but not answering: cannot connect to the daemon"):
        engine.find({"MAINLINE_ENGINE": str(silent), "PATH": os.environ["PATH"]})


SERVING = ("granian", "msgspec", "numpy", "onnxruntime", "prometheus-client", "uvloop")


def answering(folder: Path, packages: dict[str, str]) -> engine.Engine:
    """An engine whose images hold these packages, and came from a registry."""
    program = folder / "engine"
    known = json.dumps([{"RepoDigests": [f"python@sha256:{'c' * 64}"]}])
    program.write_text(f"#!/bin/sh\n[ $1 = image ] && echo '{known}' || echo '{json.dumps(packages)}'\n")
    program.chmod(0o755)
    return engine.Engine(str(program))


@pytest.mark.slow
def test_the_papers_name_the_packages_that_are_in_the_image_and_the_model(made: Export, tmp_path: Path) -> None:
    there = {name: version(name) for name in SERVING}
    image = build.Image("team@sha256:ab", "sha256:ab", "team", {})
    bill, provenance, _ = build.write_bill_and_provenance(answering(tmp_path, there), TOP, made.folder, image, tmp_path)
    found = json.loads(bill.read_text())
    # The lock has two of numpy, for two Pythons.
    assert {each["name"]: each["version"] for each in found["components"][:-1]} == there
    assert len(found["components"]) == len(there) + 1
    assert found["components"][-1]["hashes"] == [{"alg": "SHA-256", "content": made.signature.digest}]
    assert {each["ref"] for each in found["dependencies"]} == {each["bom-ref"] for each in found["components"][:-1]}
    definition = json.loads(provenance.read_text())["predicate"]["buildDefinition"]
    base, *files = definition["resolvedDependencies"]
    assert base == {"uri": f"docker://{build.matching_base()}", "digest": {"sha256": "c" * 64}}
    assert {"name": "model.onnx", "digest": {"sha256": made.signature.digest}} in files


@pytest.mark.slow
def test_a_package_in_the_image_that_the_lock_does_not_name_is_said(made: Export, tmp_path: Path) -> None:
    image = build.Image("team@sha256:ab", "sha256:ab", "team", {})
    with pytest.raises(ExternalError, match=r"the image contains left-pad 1\.0, which is not in uv\.lock"):
        build.write_bill_and_provenance(answering(tmp_path, {"Left.Pad": "1.0"}), TOP, made.folder, image, tmp_path)


@pytest.mark.parametrize(("text", "found"), [("37.92MiB", 39.76), ("40MB", 40.0), ("1.5GiB", 1610.6), ("512B", 0.0)])
def test_sizes_are_read_as_the_engine_writes_them(text: str, found: float) -> None:
    assert megabytes(text) == pytest.approx(found, abs=0.05)


def test_times_are_read_with_nine_decimals() -> None:
    assert timestamp("1970-01-01T00:00:01.123456789Z") == pytest.approx(1.123456)
    assert timestamp("1970-01-01 01:00:01.5 +0100 CET") == pytest.approx(1.5)
