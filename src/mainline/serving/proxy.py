"""The proxy of a Docker host: it keeps the port and forwards every connection to the current container.

`python -m mainline.serving.proxy` serves; `… point HOST` sends new connections to HOST, `… where` prints the
current one. An open connection stays with its container. The address is a file on a volume, so that the
proxy keeps it when it restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

FILE = Path(os.environ.get("MAINLINE_DOOR_FILE") or "/state/backend")
PORT = 8080
TRIES = 40  # to reach the container, a twentieth of a second between
CHUNK = 64 * 1024


def where(file: Path = FILE) -> str | None:
    """The host (and port) that connections are forwarded to."""
    with contextlib.suppress(FileNotFoundError):
        return file.read_text(encoding="utf-8").strip() or None
    return None


def point(host: str, file: Path = FILE) -> None:
    temporary = file.with_suffix(".next")
    temporary.write_text(host, encoding="utf-8")
    temporary.replace(file)


async def serve(host: str, port: int, file: Path = FILE) -> None:
    """Serve until SIGTERM; open connections then have ten seconds to end."""
    open_: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_.add(task)
        try:
            await splice(reader, writer, file)
        finally:
            open_.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, host, port, backlog=1024)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    server.close()
    if open_:
        await asyncio.wait(open_, timeout=10)


async def splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, file: Path) -> None:
    """Both directions of one connection, until both have ended."""
    behind = await reach(file)
    if behind is None:
        return
    back_reader, back_writer = behind
    try:
        there = asyncio.ensure_future(pump(reader, back_writer))
        await pump(back_reader, writer)
        # The server has ended it: nothing that the client still sends would be answered.
        there.cancel()
        await asyncio.gather(there, return_exceptions=True)
    finally:
        back_writer.close()


async def reach(file: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection to the current container; the address is read before every attempt."""
    for _ in range(TRIES):
        address = where(file)
        if address:
            host, _, port = address.partition(":")
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(host, int(port or PORT))
        await asyncio.sleep(0.05)
    return None


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await reader.read(CHUNK):
            writer.write(part)
            await writer.drain()
        writer.write_eof()


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["point"]:
        point(arguments[1])
    elif arguments[:1] == ["where"]:
        print(where() or "")
    else:
        import uvloop

        host, port = os.environ.get("MAINLINE_HOST") or "127.0.0.1", int(os.environ.get("MAINLINE_PORT") or PORT)
        uvloop.run(serve(host, port))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
