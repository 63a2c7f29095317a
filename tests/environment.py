"""What tests must not meet of the machine that they run on: a runner's variables, and a person's tokens and servers.

`mainline` reads them, so a test that starts it would write into a runner's files or send a token to the real GitHub.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping

REQUIRED = "MAINLINE_REQUIRE_SERVERS"  # tests of servers and containers fail instead of skipping themselves
FOREIGN = re.compile(
    r"CI|RETRAIN_TOKEN|SETTINGS|(ACTIONS|AWS|GH|GITHUB|INPUT|MAINLINE|MLFLOW_TRACKING|RUNNER|STATE)_\w+"
)


def cleaned(environment: MutableMapping[str, str]) -> None:
    """Remove what is foreign. `CI` says that no test may skip itself for want of a server: it is kept as `REQUIRED`."""
    if environment.get("CI"):
        environment[REQUIRED] = "1"
    for name in [name for name in environment if FOREIGN.fullmatch(name) and name != REQUIRED]:
        del environment[name]


def servers_are_required() -> bool:
    """Whether a test must not be skipped for want of a server, as in CI."""
    return bool(os.environ.get(REQUIRED))
