"""MLflow's model registry: one version per promoted model, and the alias of the champion.

The tags of a version describe it; `intent` on the registered model records a release in progress
(see `release/promotion.py`). A version is identified by its model's digest: the same model has one version.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config import environment
from mainline.errors import ConfigurationError, ExternalError
from mainline.evaluation.results import Interval, Review
from mainline.registry import runs, store_upgrade
from mainline.runtime.atomic_files import replacing_folder
from mainline.training.record import Record, find

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, PREVIOUS = "champion", "previous"
INTENT = "release.intent"
MERGE = ("pull_request", "approver", "deployment_approver")  # the tags that name who approved it
STAGED = "staged"  # the tag of a version: which image passed its staging test, and what it was built from


@dataclass(frozen=True)
class Version:
    """A registered version; one that was not created by Mainline may lack our tags."""

    number: int
    run_id: str | None = None
    card: str = ""  # its description on MLflow's page
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_digest(self) -> str | None:
        return self.tags.get("model_digest")

    @property
    def image(self) -> str | None:
        """The digest of the image that was released with it."""
        return self.tags.get("image_digest")

    @property
    def released(self) -> bool:
        """Whether it has ever been champion: production can be rolled back only to such a version."""
        return "released" in self.tags

    @property
    def follows(self) -> int | None:
        """The version that was champion when this one was first released."""
        number = self.tags.get("follows", "")
        return int(number) if number.isdigit() else None


class Registry:
    """The registered model of this project.

    Every method raises ExternalError where the store does not answer.
    """

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client = client
        self.name = name

    def versions(self) -> list[Version]:
        """All of them, the oldest first."""
        with converted_errors():
            found = self.client.search_model_versions(f"name = '{self.name}'")
        return sorted((version(each) for each in found), key=lambda each: each.number)

    def at(self, number: int) -> Version:
        for each in self.versions():
            if each.number == number:
                return each
        there = ", ".join(str(each.number) for each in self.versions()) or "none"
        raise ConfigurationError(f"{self.name} has no version {number}: the versions are {there}")

    def champion(self) -> Version | None:
        return self.aliased(CHAMPION)

    def previous(self) -> Version | None:
        return self.aliased(PREVIOUS)

    def aliased(self, alias: str) -> Version | None:
        with converted_errors():
            number = self.client.get_registered_model(self.name).aliases.get(alias)
        return next((each for each in self.versions() if str(each.number) == str(number)), None)

    def register(self, run_id: str, tags: Mapping[str, str]) -> Version:
        """The version of the model with `tags["model_digest"]`: found, or created from the run's model.

        A version that was never released gets the current `tags`: an approval of a failed attempt does not
        apply to this one.
        """
        known = self.of_model(tags["model_digest"])
        if known:
            return known if known.released else self.retagged(known, tags)
        with converted_errors():
            experiment = self.client.get_run(run_id).info.experiment_id
            models = self.client.search_logged_models([experiment], f"source_run_id = '{run_id}'", max_results=1)
            if not models:
                raise ExternalError(f"MLflow's run {run_id} contains no model: run `make run` again")
            model = models[0].model_id
            made = self.client.create_model_version(
                self.name, f"models:/{model}", run_id, dict(tags), model_id=model, await_creation_for=0
            )
        first = self.of_model(tags["model_digest"])
        if first and first.number < int(
            made.version
        ):  # on a team's server, another machine has registered it meanwhile
            with converted_errors():
                self.client.delete_model_version(self.name, made.version)
            return first
        return self.at(int(made.version))

    def of_model(self, digest: str) -> Version | None:
        return next((each for each in self.versions() if each.model_digest == digest), None)

    def retagged(self, known: Version, tags: Mapping[str, str]) -> Version:
        for name, value in tags.items():
            if known.tags.get(name) != value:
                self.tag(known.number, name, value)
        for name in set(MERGE) & set(known.tags) - set(tags):
            with converted_errors():
                self.client.delete_model_version_tag(self.name, str(known.number), name)
        return self.at(known.number)

    def tag(self, number: int, name: str, value: str) -> None:
        with converted_errors():
            self.client.set_model_version_tag(self.name, str(number), name, value)

    def describe(self, number: int, text: str) -> None:
        """Set the description of a version on MLflow's page: its model card."""
        with converted_errors():
            self.client.update_model_version(self.name, str(number), text)

    def crown(self, champion: int, previous: int | None) -> None:
        """Move both aliases; this is not atomic, which is why there is an intent.

        A previous version that was deleted in the meantime counts as none.
        """
        there = {each.number for each in self.versions()}
        with converted_errors():
            if previous not in there:
                self.client.delete_registered_model_alias(self.name, PREVIOUS)
            else:
                self.client.set_registered_model_alias(self.name, PREVIOUS, str(previous))
            self.client.set_registered_model_alias(self.name, CHAMPION, str(champion))

    def note(self, name: str) -> dict[str, Any] | None:
        """A note of ours on the registered model, such as the intent."""
        with converted_errors():
            text = self.client.get_registered_model(self.name).tags.get(name)
        try:
            found = json.loads(text) if text else None
        except ValueError:
            found = text
        if found is not None and not isinstance(found, dict):
            raise ExternalError(f"the tag {name} of {self.name} was not written by Mainline: {text!r}")
        return found

    def write_note(self, name: str, content: Mapping[str, Any] | None) -> None:
        """One statement in the store: a reader sees the old note or the new one."""
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        text = json.dumps(content) if content else ""
        with converted_errors():
            try:
                self.client.set_registered_model_tag(self.name, name, text)
            except (MlflowException, SQLAlchemyError) as error:
                # Two machines wrote the first note at once: MLflow tries to insert it for both. This one comes second.
                if "IntegrityError" not in str(error) and "UniqueViolation" not in str(error):
                    raise
                self.client.set_registered_model_tag(self.name, name, text)

    def record_of(self, found: Version, records: Path) -> Record:
        """The record of a version: the local one, or the one stored with its run.

        Raises
        ------
        ExternalError
            Where there is none, or it does not contain the registered model.
        """
        fingerprint = found.tags.get("fingerprint")
        if not fingerprint or not found.model_digest:
            raise ExternalError(f"version {found.number} of {self.name} has no fingerprint or no model digest")
        here = find(records, fingerprint)
        if here is None:
            with converted_errors(), replacing_folder(records / fingerprint) as unfinished:
                self.fetch_record(found, unfinished)
            here = Record.read(records / fingerprint)
        if here.digest != found.model_digest:
            raise ExternalError(
                f"{here.path} does not contain the model of version {found.number} of {self.name}: delete the folder"
            )
        return here

    def fetch_record(self, found: Version, folder: Path) -> None:
        if not found.run_id or not self.client.list_artifacts(found.run_id, "record"):
            raise ExternalError(f"the run of version {found.number} of {self.name} has no record")
        with tempfile.TemporaryDirectory(prefix="mainline-") as scratch:
            fetched = Path(self.client.download_artifacts(found.run_id, "record", scratch))
            for path in fetched.iterdir():
                shutil.copyfile(path, folder / path.name)


def name() -> str:
    """The name of the registered model."""
    return environment.model_name(os.environ)


def open_registry(folder: Path) -> Registry:
    """The registry of MLFLOW_TRACKING_URI, or of the store in `folder`; created if there is none."""
    runs.quiet()
    import logging

    logging.getLogger("alembic").setLevel(logging.ERROR)
    import mlflow
    from mlflow.exceptions import MlflowException

    uri, embedded = runs.store(folder)
    if embedded:
        runs.check_embedded(folder)
    with converted_errors(), runs.alone(folder):
        mlflow.set_tracking_uri(uri)  # where the client looks up a version's model, whatever it was given
        if embedded:
            os.environ.pop("MLFLOW_TRACKING_URI", None)  # which that call has set; here it means a team's server
        client = store_upgrade.fitting(folder / "mlflow.db", lambda: mlflow.MlflowClient(uri, uri))
        try:
            client.get_registered_model(name())
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            with contextlib.suppress(
                MlflowException
            ):  # another process may have created it; the next call would fail otherwise
                client.create_registered_model(name())
    return Registry(client, name())


def count_from(folder: Path, registry: Registry, last: int) -> None:
    """Have an empty registry of an embedded store number its versions from `last` + 1.

    MLflow goes on from the highest number in the store, those of deleted versions included.
    """
    with converted_errors():
        made = registry.client.create_model_version(registry.name, "none", await_creation_for=0)
        registry.client.delete_model_version(registry.name, made.version)
    with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE model_versions SET version = ? WHERE name = ?", [last, registry.name])


@contextlib.contextmanager
def converted_errors() -> Iterator[None]:
    """Converts the errors of the store's client to ExternalError."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise ExternalError(f"MLflow's registry did not answer: {str(error).splitlines()[0]}") from error


def version(found: Any) -> Version:
    return Version(int(found.version), found.run_id or None, found.description or "", dict(found.tags))


def tags(review: Review, record: Record, release: Mapping[str, str]) -> dict[str, str]:
    """The tags of a version; `release` adds the pull request and who approved it, where known."""
    from mainline.training.record import data_digest

    measured = {f"metric.{metric.name}": interval(metric.candidate) for metric in review.metrics}
    return {
        "commit": record.facts.made_by or "none",
        "fingerprint": record.fingerprint,
        "data_digest": data_digest(record),
        "model_digest": record.digest,
        "verdict": review.outcome.value,
        **measured,
        **release,
    }


def interval(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.6g}"
    return f"{found.value:.6g} [{found.low:.6g}, {found.high:.6g}]"
