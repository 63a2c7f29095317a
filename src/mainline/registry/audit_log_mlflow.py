"""The audit log on a team's MLflow server: a run of its own, with one parameter per entry.

MLflow's parameters cannot be changed, and its database accepts each name once: of two machines
that write the same entry at the same moment, one gets an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainline.errors import ExternalError
from mainline.registry.audit_log import Taken
from mainline.registry.models import converted_errors
from mainline.registry.runs import experiment_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

OF = "mainline.audit_log_of"
ENTRY = "entry."
LONGEST = 6000  # characters of a parameter: MLflow cuts off what is beyond


@dataclass(frozen=True)
class RunEntryStore:
    """`model` is the registered model that the log belongs to."""

    client: MlflowClient
    model: str
    shared = True

    def read(self) -> list[str]:
        run = self.run()
        if run is None:
            return []
        with converted_errors():
            logged = self.client.get_run(run).data.params
        return [logged[name] for name in sorted(logged) if name.startswith(ENTRY)]

    def append(self, lines: Sequence[str], line: str) -> None:
        """One statement in the server's database: it is atomic."""
        from mlflow.exceptions import MlflowException

        if len(line) > LONGEST:
            raise ExternalError(
                f"an entry of {len(line):,} characters is too long for MLflow's parameters: {line[:200]}…"
            )
        run = self.run() or self.begin()
        try:
            with converted_errors():
                self.client.log_param(run, f"{ENTRY}{len(lines) + 1:08}", line)
        except ExternalError as error:
            refused = error.__cause__
            if isinstance(refused, MlflowException) and refused.error_code == "INVALID_PARAMETER_VALUE":
                raise Taken from error
            raise

    def run(self) -> str | None:
        with converted_errors():
            experiment = self.client.get_experiment_by_name(experiment_name())
            if experiment is None:
                return None
            found = self.client.search_runs([experiment.experiment_id], f"tags.`{OF}` = '{self.model}'", max_results=2)
        # If two runs were created at once, the older one is the log; the other stays empty.
        return str(min(found, key=lambda run: (run.info.start_time, run.info.run_id)).info.run_id) if found else None

    def begin(self) -> str:
        with converted_errors():
            experiment = self.client.get_experiment_by_name(experiment_name())
            identity = experiment.experiment_id if experiment else self.client.create_experiment(experiment_name())
            run = self.client.create_run(identity, tags={OF: self.model}, run_name="audit log")
            self.client.set_terminated(run.info.run_id)
        return self.run() or str(run.info.run_id)  # another machine may have created one at the same moment
