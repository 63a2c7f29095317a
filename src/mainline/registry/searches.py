"""A search in MLflow: one parent run for the study, and below it a child run for each finished trial.

They have an experiment of their own, so that the list of models stays one of models. The functions run in the worker
process, and do nothing twice: a search that goes on logs what is missing.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.registry import runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY, TRIAL = "search.study", "search.trial"
PARENT = "mlflow.parentRunId"  # by which MLflow's page shows a run below another
STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}


def experiment_name() -> str:
    return f"{runs.experiment_name()}-search"


def open_store(state: str) -> None:
    """Open the store and its experiment. A new store is not yet whole: the workspace's lock must be held."""
    with runs.converted_errors(state):
        opened(state)


def log_trials(state: str, study: dict[str, Any], trials: list[dict[str, Any]]) -> str:
    """Log the trials that are not in MLflow yet; the id of the parent run.

    Parameters
    ----------
    study
        `name`, `metric`, and `tags` and `params` of the parent run.
    trials
        Finished trials: `number`, `state`, `params`, `metrics`, `tags`.
    """
    with runs.converted_errors(state):
        client, experiment = opened(state)
        parent = parent_run(client, experiment, study)
        known = logged(state, study["name"])
        for trial in trials:
            if trial["number"] not in known:
                log_trial(client, experiment, parent, study["name"], trial)
                known.add(trial["number"])
        return parent


def finish(
    state: str, study: dict[str, Any], metrics: dict[str, float], tags: dict[str, str], pages: list[str]
) -> None:
    """Complete the parent run: what the search found, and its page."""
    with runs.converted_errors(state):
        client, experiment = opened(state)
        parent = parent_run(client, experiment, study)
        for name, value in metrics.items():
            client.log_metric(parent, name, value)
        for name, text in tags.items():
            client.set_tag(parent, name, text)
        for page in pages:
            client.log_artifact(parent, page)
        client.set_terminated(parent)


@functools.cache
def opened(state: str) -> tuple[MlflowClient, str]:
    _, artifacts = runs.store(Path(state))  # asked first: MLflow sets its variable once it is opened
    client, _ = runs.open_client(state)
    with runs.alone(Path(state)):
        found = client.get_experiment_by_name(experiment_name())
        if found:
            return client, str(found.experiment_id)
        return client, str(client.create_experiment(experiment_name(), artifacts))


def parent_run(client: MlflowClient, experiment: str, study: dict[str, Any]) -> str:
    asked = f"tags.`{STUDY}` = '{study['name']}' and tags.`{TRIAL}` = 'all'"
    found = client.search_runs([experiment], asked, max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {STUDY: study["name"], TRIAL: "all", **study["tags"]}
    run = client.create_run(experiment, tags=tags, run_name=f"search {study['name'][:8]}")
    for name, value in study["params"].items():
        client.log_param(run.info.run_id, name, value)
    return str(run.info.run_id)


@functools.cache
def logged(state: str, study: str) -> set[int]:
    """The numbers of the trials that are in MLflow; this process adds those that it logs."""
    client, experiment = opened(state)
    found: set[int] = set()
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{STUDY}` = '{study}'", page_token=token)
        numbers = [run.data.tags[TRIAL] for run in page if run.info.status != "RUNNING"]
        found |= {int(number) for number in numbers if number.isdigit()}
        token = page.token
        if not token:
            return found


def log_trial(client: MlflowClient, experiment: str, parent: str, study: str, trial: dict[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    tags = {PARENT: parent, STUDY: study, TRIAL: str(trial["number"]), "state": trial["state"], **trial["tags"]}
    run = client.create_run(experiment, tags=tags, run_name=f"trial {trial['number']}")
    metrics = [Metric(name, value, 0, 0) for name, value in trial["metrics"].items()]
    client.log_batch(run.info.run_id, metrics=metrics, params=[Param(n, str(v)) for n, v in trial["params"].items()])
    client.set_terminated(run.info.run_id, STATUS[trial["state"]])
