"""Commands that are run inside a container, whichever version of Mainline its image was built by.

Images before 0.2 hold the proxy and the health check as modules of other names. Such a container is switched from,
and returned to by a rollback, like any other.
"""

from __future__ import annotations

FORMER_NAMES = {
    "mainline.serving.proxy": "mainline.inside.door",
    "mainline.serving.healthcheck": "mainline.inside.health",
}
# Runs the first of the two modules that the image has, as `python -m` would.
RUN = (
    "import runpy, sys; from importlib.util import find_spec; now, former = sys.argv[1:3]; del sys.argv[1:3]; "
    "runpy.run_module(now if find_spec(now) else former, run_name='__main__', alter_sys=True)"
)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs `module` of the image with these arguments."""
    return ["python", "-c", RUN, module, FORMER_NAMES[module], *arguments]
