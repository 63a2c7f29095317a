"""The limit: our own server that reads a body and answers a constant. What this does not reach, ours cannot."""

from __future__ import annotations

import sys

from mainline.serving import server, settings
from mainline.serving import signature as signatures
from mainline.serving.app import Answered, App, Reader


class Constant(App):
    async def _answer(self, reader: Reader, body: bytes, logged: str | None, when: float | None) -> Answered:
        reader.decode(body)  # type: ignore[attr-defined]
        return self.constant

    constant: Answered = (b'{"predictions":[[0.5,0.5]]}', [[0.5, 0.5]], None)


def main() -> int:
    import uvloop

    configured = settings.read()
    app = Constant(signatures.read(configured.model), configured.model, configured)
    uvloop.run(server.run(app, configured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
