"""Whether a port is free to listen on, asked before anything is started."""

from __future__ import annotations

import socket

from mainline.errors import ExternalError


def free_address(host: str, port: int, way_out: str = "") -> str:
    """The address of a host that can be listened on; Granian takes no names.

    Granian allows a port to be shared: two servers on one port would each get half of the requests.

    Raises
    ------
    ExternalError
        Where the port is in use; the message ends with `way_out`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        hint = f": {way_out}" if way_out else ""
        raise ExternalError(f"cannot listen on {host}:{port}: {error.strerror or error}{hint}") from None
    return str(address[0])
