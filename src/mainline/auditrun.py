"""The audit log on a team's MLflow server: a run of its own, with a tag an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.registry import answering
from mainline.tracking import EXPERIMENT

if TYPE_CHECKING:
    from mlflow import MlflowClient

OF = "mainline.audit_log_of"
ENTRY = "entry."


@dataclass(frozen=True)
class RunPages:
    """`model` is the registered model that the log is about."""

    client: MlflowClient
    model: str

    def read(self) -> list[str]:
        run = self.run()
        if run is None:
            return []
        with answering():
            tags = self.client.get_run(run).data.tags
        return [tags[name] for name in sorted(tags) if name.startswith(ENTRY)]

    def append(self, lines: Sequence[str], line: str) -> None:
        """One statement in the server's database: the entry is there or not."""
        run = self.run() or self.begin()
        with answering():
            self.client.set_tag(run, f"{ENTRY}{len(lines) + 1:08}", line)

    def run(self) -> str | None:
        with answering():
            experiment = self.client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                return None
            found = self.client.search_runs([experiment.experiment_id], f"tags.`{OF}` = '{self.model}'", max_results=2)
        # Of two that were begun at once the older is the log; the other stays empty.
        return str(min(found, key=lambda run: (run.info.start_time, run.info.run_id)).info.run_id) if found else None

    def begin(self) -> str:
        with answering():
            experiment = self.client.get_experiment_by_name(EXPERIMENT)
            identity = experiment.experiment_id if experiment else self.client.create_experiment(EXPERIMENT)
            run = self.client.create_run(identity, tags={OF: self.model}, run_name="audit log")
            self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)
