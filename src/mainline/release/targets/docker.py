"""The target `docker`: any Docker host. The new container starts next to the old one, and no request fails.

A small proxy container of the same image keeps the port (`mainline.serving.proxy`). The new container
starts, must be ready and answer the example of its export correctly; then the proxy sends requests
to it. The old one is stopped: it finishes its requests, asks its clients to reconnect, and is
kept, stopped, for a rollback.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from mainline.errors import ExternalError, MainlineError
from mainline.packaging import engine as engines
from mainline.packaging.container_commands import python_module
from mainline.packaging.engine import Engine
from mainline.packaging.staging.container import HARDENED
from mainline.release.targets.declaration import deploy_target

PASSED_ON = ("MAINLINE_LOG_", "MAINLINE_REPLAY")
DIGEST = "mainline.deployed"  # the label of a container with the image that it was started from
READY_SECONDS = 60.0
PROXY, HEALTH_CHECK = "mainline.serving.proxy", "mainline.serving.healthcheck"
STOP_SECONDS = 30  # more than the server drains


class HostTarget:
    """Containers are named after `service`: the proxy, and one per digest."""

    name = "docker"

    def __init__(self, engine: Engine, repository: str | None, service: str, publish: str, memory: str) -> None:
        self.engine = engine
        self.repository = repository
        self.service = service
        self.publish = publish
        self.memory = memory

    @property
    def proxy(self) -> str:
        return f"{self.service}-door"

    def deployed(self) -> str | None:
        """The digest of the container behind the proxy, if it answers as it should.

        None while another one is running: clients with an open connection may still use that one.
        """
        name = self.behind()
        found = self.engine.container(name) if name else None
        if not name or not found or self.names("--filter", "status=running") != [name] or not self.fit(name):
            return None
        return str(found["Config"]["Labels"].get(DIGEST)) or None

    def deploy(self, digest: str) -> None:
        """Raises ExternalError, the former container still serving, where the new one is not ready."""
        new, old = self.container_of(digest), self.behind()
        self.network()
        fresh = self.start(new, digest)
        try:
            self.await_fit(new)
            self.start_proxy(digest)
            self.engine.run("exec", self.proxy, *python_module(PROXY, "point", new))
        except MainlineError:
            if new != old:
                self.engine.attempt("rm" if fresh else "stop", *(["--force"] if fresh else []), new)
            raise
        self.retire(keep=new, last=old)

    def container_of(self, digest: str) -> str:
        return f"{self.service}-{digest.removeprefix('sha256:')[:12]}"

    def behind(self) -> str | None:
        """The name of the container that the proxy sends requests to."""
        found = self.engine.container(self.proxy)
        if not found or not found["State"]["Running"]:
            return None
        return self.engine.run("exec", self.proxy, *python_module(PROXY, "where")) or None

    def network(self) -> None:
        if self.engine.attempt("network", "inspect", self.service).returncode:
            self.engine.run("network", "create", self.service)

    def start(self, name: str, digest: str) -> bool:
        """Whether it was created; one that was kept is started again."""
        if self.engine.container(name):
            self.engine.run("start", name)
            return False
        image = f"{self.repository}@{digest}" if self.repository else digest
        if self.engine.image(image) is None:
            self.engine.run("pull", image)
        labels = [f"--label={DIGEST}={digest}", f"--label=mainline.service={self.service}"]
        volume = f"--volume={self.service}-log:/state"
        # The settings of the log and of a replay come from the environment of the deployment.
        given = [f"--env={name}={value}" for name, value in os.environ.items() if name.startswith(PASSED_ON)]
        log = ["--env=MAINLINE_LOG=/state/predictions", *sorted(given)]
        limits = [*HARDENED, f"--memory={self.memory}", "--restart=unless-stopped"]
        network = [f"--network={self.service}", f"--name={name}"]
        self.engine.run("run", "--detach", *limits, *labels, *network, volume, *log, image)
        return True

    def await_fit(self, name: str) -> None:
        until = time.monotonic() + READY_SECONDS
        restarts = restarted(self.engine.container(name))
        while not self.fit(name):
            found = self.engine.container(name)
            ended = not found or not found["State"]["Running"] or restarted(found) > restarts
            if ended or time.monotonic() > until:
                said = self.engine.attempt("logs", "--tail", "3", name)
                why = self.engine.attempt("exec", name, *python_module(HEALTH_CHECK, "/model")).stderr
                lines = " / ".join((said.stdout + said.stderr + why).strip().splitlines()) or "nothing"
                raise ExternalError(
                    f"the new container failed its readiness check; traffic was not switched. Last log lines: {lines}"
                )
            time.sleep(0.1)

    def fit(self, name: str) -> bool:
        """Ready, with the model of its image, and with the right answer for the example of its export."""
        done = self.engine.attempt("exec", name, *python_module(HEALTH_CHECK, "/model"), seconds=30)
        return done.returncode == 0

    def start_proxy(self, digest: str) -> None:
        """The proxy is not replaced after that: a new one would drop the connections."""
        found = self.engine.container(self.proxy)
        if found and found["State"]["Running"]:
            address = published(found)
            if address and address != self.publish:
                how = f"deploy again after `{self.engine.name} rm --force {self.proxy}`"
                say(f"the proxy keeps the address {address}: to change it, {how}")
            return
        if found:  # its destination is on its volume
            self.engine.run("rm", "--force", self.proxy)
        image = f"{self.repository}@{digest}" if self.repository else digest
        named = [f"--name={self.proxy}", f"--network={self.service}", f"--publish={self.publish}:8080"]
        limits = [*HARDENED, "--memory=128m", "--restart=unless-stopped", "--no-healthcheck"]
        volume = f"--volume={self.service}-door:/state"
        try:
            self.engine.run("run", "--detach", *limits, *named, volume, image, *python_module(PROXY))
        except ExternalError as error:
            self.engine.attempt("rm", "--force", self.proxy)  # it was created, and would keep this address
            raise ExternalError(
                f"no proxy at {self.publish} (MAINLINE_PUBLISH sets another address): {error}"
            ) from None

    def retire(self, keep: str, last: str | None) -> None:
        """Stop the former container and keep it; those before it are removed."""
        running = self.names("--filter", "status=running")
        for name in self.names():
            if name == keep:
                continue
            if name in running:
                self.engine.run("stop", "--time", str(STOP_SECONDS), name)
            elif name == last:  # one that restarts again and again
                self.engine.attempt("stop", name)
            if name != last and last not in (None, keep):
                self.engine.attempt("rm", "--force", name)

    def names(self, *which: str) -> list[str]:
        """The containers of the service, without its proxy."""
        label = f"label=mainline.service={self.service}"
        return self.engine.run("ps", "--all", "--filter", label, *which, "--format", "{{.Names}}").splitlines()


def published(found: dict[str, Any]) -> str:
    """Address and port of a container's first published port, as `--publish` was given them."""
    ports = ((found.get("HostConfig") or {}).get("PortBindings") or {}).get("8080/tcp") or [{}]
    return ":".join(part for part in (ports[0].get("HostIp"), ports[0].get("HostPort")) if part)


def say(text: str) -> None:
    print(f"mainline: {text}", file=sys.stderr)


def restarted(found: dict[str, Any] | None) -> int:
    """How often the engine has restarted a container that ended by itself."""
    return int((found or {}).get("RestartCount") or 0)


@deploy_target("docker")
def target() -> HostTarget:
    """The Docker host of DOCKER_HOST, set up by MAINLINE_SERVICE, MAINLINE_PUBLISH (address, port), MAINLINE_MEMORY."""
    given = os.environ.get
    return HostTarget(
        engines.find(instead=False),
        given("MAINLINE_IMAGE") or None,
        given("MAINLINE_SERVICE") or "mainline",
        given("MAINLINE_PUBLISH") or "127.0.0.1:8080",
        given("MAINLINE_MEMORY") or "512m",
    )
