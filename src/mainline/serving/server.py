"""Start, drain, stop: Granian in this one process, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

from msgspec.structs import replace

from mainline.errors import ConfigurationError, ExternalError
from mainline.serving import ports, settings
from mainline.serving import signature as signatures
from mainline.serving.app import App
from mainline.serving.settings import Configuration

STOP_SECONDS = 20  # for the answers in progress when the listener is closed: a body may take ten seconds to arrive
IDLE_SECONDS = 75  # in which a request's head must come: balancers keep one that idles for a minute


def serve(configuration: Configuration) -> int:
    """Serve until SIGTERM or SIGINT, then answer the requests that have arrived, and end."""
    signature = signatures.read(configuration.model)
    app = App(signature, configuration.model, configuration)
    check(app)
    address = ports.free_address(configuration.host, configuration.port, "--port or MAINLINE_PORT sets another one")
    import uvloop

    try:
        uvloop.run(run(app, replace(configuration, host=address)))
    finally:
        app.close()
    return 0


def check(app: App) -> None:
    """Compare the example's answers with those of the export; the tolerance allows for another processor."""
    import numpy as np

    if not app.signature.example:
        return
    answers = app.score([tuple(row) for row in app.signature.example])
    if not np.allclose(answers, app.signature.answers, rtol=1e-5, atol=1e-5):
        raise ConfigurationError(f"{app.folder}: the model does not answer its own example as it did when exported")


async def run(app: App, configuration: Configuration) -> None:
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    server = Server(
        app,
        address=configuration.host,
        port=configuration.port,
        interface=Interfaces.RSGI,
        # Where Granian has to find out which HTTP it is, it waits for ever for a client that sends nothing, and a
        # thousand of those are all that it serves.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=1000 * IDLE_SECONDS),
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    stopping, hurry = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (hurry if stopping.is_set() else stopping).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    serving = loop.create_task(server.serve())
    stop_requested = loop.create_task(stopping.wait())
    announce(configuration, app)
    await asyncio.wait({serving, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
        raise ExternalError("the server ended unexpectedly")
    # Balancers and clients are asked to close their connections; until they do, they are answered.
    app.draining = True
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hurry.wait(), configuration.drain_seconds)
    server.stop()  # type: ignore[no-untyped-call]
    done, _ = await asyncio.wait({serving}, timeout=STOP_SECONDS)
    if done:
        serving.result()
    else:
        print(
            f"mainline: a client is still connected after {STOP_SECONDS} s: stopping anyway",
            file=sys.stderr,
            flush=True,
        )


def announce(configuration: Configuration, app: App) -> None:
    s = app.signature
    host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
    said = f"{s.name} {app.version} ({s.engine}, {s.digest[:12]}) on http://{host}:{configuration.port}"
    print(f"mainline: serving {said}, described at /docs", file=sys.stderr, flush=True)


def main() -> int:
    return serve(settings.read())
