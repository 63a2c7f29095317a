"""Whether a port is free to listen on, asked before anything is started."""

from __future__ import annotations

import socket

from mainline.errors import ExternalError


def check_free(host: str, port: int, way_out: str = "") -> None:
    """Granian shares a port with whoever else shares it: two servers on one port would each get half the requests.

    Raises
    ------
    ExternalError
        Where somebody listens there already, with the `way_out` for who asked.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        hint = f": {way_out}" if way_out else ""
        raise ExternalError(f"{host}:{port} cannot be listened on: {error.strerror or error}{hint}") from None
