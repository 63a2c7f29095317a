from __future__ import annotations

from mainline.config import environment as places


def test_a_repository_is_named_in_lower_case_and_an_empty_variable_is_not_set() -> None:
    given = {"MAINLINE_IMAGE": "ghcr.io/Big-Team/Model ", "MLFLOW_TRACKING_URI": "", "MAINLINE_BASE": " ", "HOME": ""}
    places.normalize(given)
    assert given == {"MAINLINE_IMAGE": "ghcr.io/big-team/model", "HOME": ""}


def test_a_region_that_nobody_has_set_is_no_region() -> None:
    given = {
        "AWS_DEFAULT_REGION": "",
        "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": "x",
    }  # pragma: allowlist secret
    places.normalize(given)
    assert given == {"AWS_SECRET_ACCESS_KEY": "x"}  # pragma: allowlist secret


def test_in_a_workflow_image_and_state_are_beside_the_repository_unless_a_variable_says_otherwise() -> None:
    environment = {"GITHUB_REPOSITORY": "Big-Team/Model"}
    assert places.in_workflow({}, environment) == {
        "MAINLINE_IMAGE": "ghcr.io/big-team/model",
        "MAINLINE_STATE": "ghcr.io/big-team/model/state",
        "TARGET": "registry",
    }
    given = {
        "MAINLINE_IMAGE": "registry.example/A",
        "MAINLINE_TARGET": "docker",
        "MLFLOW_TRACKING_URI": "https://mlflow.example",
        "PATH": "/nowhere",
    }
    found = places.in_workflow(given, environment)
    assert found["MAINLINE_IMAGE"] == "registry.example/a"
    assert found["TARGET"] == "docker"
    assert found["MLFLOW_TRACKING_URI"] == "https://mlflow.example"
    assert "PATH" not in found, "only what is Mainline's or MLflow's"
    assert places.hosts(found) == ["registry.example", "ghcr.io"]
