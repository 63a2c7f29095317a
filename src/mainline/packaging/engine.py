"""Docker or Podman, through its command line, with its own host, context and login."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mainline.errors import ConfigurationError, ExternalError

VARIABLE = "MAINLINE_ENGINE"
PROGRAMS = ("docker", "podman")
NAMED = ("DOCKER_HOST", "DOCKER_CONTEXT")  # Docker's own variables for where it is


@dataclass(frozen=True)
class Engine:
    """Every method raises ExternalError with the engine's message where a command fails."""

    program: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def name(self) -> str:
        return os.path.basename(self.program)

    def run(self, *arguments: str, seconds: float = 600) -> str:
        """What the command printed."""
        done = self.attempt(*arguments, seconds=seconds)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()
            verb = " ".join(arguments[:2])
            raise ExternalError(f"`{self.name} {verb}` failed: {' / '.join(said[-3:])}")
        return done.stdout.strip()

    def attempt(
        self, *arguments: str, seconds: float = 600, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The completed command, also a failed one; `given` is its standard input."""
        try:
            return subprocess.run(
                [self.program, *arguments],
                env=self.environment,
                **({"stdin": subprocess.DEVNULL} if given is None else {"input": given}),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except FileNotFoundError:
            raise ConfigurationError(
                f"{self.program} is not installed: install Docker or Podman, or set {VARIABLE}"
            ) from None
        except subprocess.TimeoutExpired:
            raise ExternalError(f"`{self.name} {arguments[0]}` did not end within {seconds:g} s") from None

    def image(self, reference: str) -> dict[str, Any] | None:
        """The engine's description of an image; None where it has no such image."""
        return self._inspected("image", reference)

    def container(self, reference: str) -> dict[str, Any] | None:
        """The engine's description of a container; None where there is none."""
        return self._inspected("container", reference)

    def _inspected(self, kind: str, reference: str) -> dict[str, Any] | None:
        done = self.attempt(kind, "inspect", reference)
        if done.returncode:
            if "no such" in done.stderr.lower() or "not known" in done.stderr.lower():
                return None
            raise ExternalError(f"`{self.name} {kind} inspect` failed: {done.stderr.strip()}")
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0]


def find(environment: Mapping[str, str] = os.environ, *, instead: bool = True) -> Engine:
    """The engine that MAINLINE_ENGINE names, or the first of Docker and Podman that answers.

    Where `instead` is false, or DOCKER_HOST or DOCKER_CONTEXT names a host, none takes the place of one that is
    installed and does not answer: that would be another host.

    Raises
    ------
    ConfigurationError
        Where none is installed.
    ExternalError
        Where one is installed and none answers.
    """
    given = environment.get(VARIABLE)
    programs = [given] if given else ["docker"] if any(map(environment.get, NAMED)) else list(PROGRAMS)
    here = [name for name in programs if shutil.which(name)][: None if instead else 1]
    if not here:
        wanted = " or ".join(programs)
        raise ConfigurationError(f"an image needs a container engine, and {wanted} is not installed here")
    said = ""
    for name in here:
        engine = Engine(name, dict(environment))
        done = engine.attempt("info", "--format", "{{json .}}", seconds=60)
        if done.returncode == 0:
            return engine
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
    raise ExternalError(f"{' and '.join(here)} {'is' if len(here) == 1 else 'are'} installed but not answering: {said}")
