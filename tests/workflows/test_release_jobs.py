"""What is handed from one job of a release to the next, and which job may do what."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.test_rules import GITHUB, TOP, WORKFLOWS, load, names

OUTPUT = "${{{{ needs.candidate.outputs.{} }}}}"


def release() -> dict[str, Any]:
    found: dict[str, Any] = load(GITHUB / "workflows" / "ship.yml")["jobs"]
    return found


def candidate() -> dict[str, Any]:
    found: dict[str, Any] = load(GITHUB / "workflows" / "candidate.yml")["jobs"]["candidate"]
    return found


def uploaded() -> list[dict[str, Any]]:
    return [step["with"] for step in candidate()["steps"] if "upload-artifact@" in step.get("uses", "")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_what_may_sign_in_the_repositorys_name_runs_no_code_of_the_project(path: Path) -> None:
    for name, job in load(path)["jobs"].items():
        if {"id-token", "attestations"} & {*job["permissions"]} and "uses" not in job:
            used = [step.get("uses", "") for step in job["steps"]]
            assert not [step for step in job["steps"] if "run" in step], name
            assert not [one for one in used if one.startswith(("./", "actions/checkout@"))], name
            assert "packages" not in job["permissions"], name


def test_the_image_that_was_staged_and_attested_is_the_one_that_is_deployed() -> None:
    jobs = release()
    assert candidate()["outputs"]["image-digest"] == "${{ steps.subjects.outputs.image-digest }}"
    promote = next(step for step in jobs["deploy"]["steps"] if step.get("run") == "make promote")
    assert jobs["push"]["with"]["image_digest"] == OUTPUT.format("image-digest")
    pushed = "${{ needs.push.outputs.image-digest }}"
    assert promote["env"]["IMAGE"] == pushed
    assert promote["env"]["CANDIDATE"].endswith("/candidate/candidate.json"), "whose model and version it has to be"
    assert jobs["attest"]["with"]["image_digest"] == pushed
    assert {*jobs["deploy"]["needs"]} == {"candidate", "push", "attest"}, "not before it was attested"


def test_the_image_is_pushed_to_the_repository_of_the_settings_and_by_its_digest() -> None:
    """The job that trained could name any place, and any tag: the password would go there, production would move."""
    (job,) = load(GITHUB / "workflows" / "push.yml")["jobs"].values()
    (push,) = [step for step in job["steps"] if "run" in step]
    assert push["env"]["SETTINGS"] == "${{ toJSON(vars) }}"
    assert push["env"]["IMAGE"] == "${{ inputs.image_digest }}"
    assert "candidate" not in json.dumps(push["env"])


def test_the_record_travels_where_nobody_can_download_it() -> None:
    """It has the labels of the holdout: an artifact of a public repository is public, a cache is not."""
    (save,) = [step["with"] for step in candidate()["steps"] if "cache/save@" in step.get("uses", "")]
    (restore,) = [step["with"] for step in release()["deploy"]["steps"] if "cache/restore@" in step.get("uses", "")]
    assert save["path"] == "${{ steps.subjects.outputs.record }}"
    assert restore["path"] == OUTPUT.format("record")
    assert candidate()["outputs"]["record"] == save["path"]
    # The key of this run, and of the attempt that trained.
    assert restore["key"] == "${{ needs.candidate.outputs.artifact }}-${{ github.run_id }}"
    assert save["key"] == candidate()["outputs"]["artifact"] + "-${{ github.run_id }}"
    assert "restore-keys" not in restore
    assert not any("records" in str(each) for each in uploaded())


def test_every_output_that_a_job_of_the_release_reads_is_handed_on() -> None:
    """GitHub reads one that is not there as an empty text."""
    text = (GITHUB / "workflows" / "ship.yml").read_text(encoding="utf-8")
    for job, file in (("candidate", "candidate.yml"), ("push", "push.yml"), ("attest", "attest.yml")):
        # YAML reads the key `on` as true.
        content: dict[Any, Any] = load(GITHUB / "workflows" / file)
        handed = content[True]["workflow_call"]["outputs"]
        assert {*re.findall(rf"needs\.{job}\.outputs\.([\w-]+)", text)} == {*handed}
        for name, output in handed.items():
            assert output["value"] == f"${{{{ jobs.{job}.outputs.{name} }}}}"
            assert name in content["jobs"][job]["outputs"]


def test_what_is_signed_is_what_was_handed_on() -> None:
    """GitHub refuses an input that a workflow does not declare, and reads one that is not given as an empty text."""
    content: dict[Any, Any] = load(GITHUB / "workflows" / "attest.yml")
    declared = {*content[True]["workflow_call"]["inputs"]}
    assert {*release()["attest"]["with"]} == declared
    text = (GITHUB / "workflows" / "attest.yml").read_text(encoding="utf-8")
    assert {*re.findall(r"inputs\.(\w+)", text)} == declared


def test_the_bill_of_materials_is_found_when_only_a_later_job_is_run_again() -> None:
    """Then the attempt's number is not the one of the upload any more."""
    assert candidate()["outputs"]["artifact"] in [each.get("name") for each in uploaded()]
    assert release()["attest"]["with"]["artifact"] == OUTPUT.format("artifact")


def test_who_approves_can_open_the_report_and_later_the_versions_page() -> None:
    page = {"path": "${{ inputs.page }}", "archive": False, "overwrite": True, "if-no-files-found": "ignore"}
    assert page in uploaded()
    for file, job in (("ship.yml", "deploy"), ("rollback.yml", "rollback")):
        found = load(GITHUB / "workflows" / file)["jobs"][job]
        assert found["environment"] == {"name": "production", "url": "${{ steps.page.outputs.page }}"}
        assert next(step["id"] for step in found["steps"] if "make publish" in step.get("run", "")) == "page"


def test_the_image_reaches_the_shell_as_a_variable_and_not_as_text() -> None:
    """It is an output of the job that trains."""
    call = ["make", "--dry-run", "promote", 'IMAGE=sha256:ab"; touch pwned; "']
    done = subprocess.run(call, cwd=TOP, capture_output=True, text=True, check=True)
    assert '--image "$IMAGE"' in done.stdout
    assert "pwned" not in done.stdout
