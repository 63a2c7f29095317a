"""The address of a log that is a topic: `kafka://$BROKERS/topic`, where the variable holds the brokers."""

from __future__ import annotations

import os
import re

from mainline.data.sources.streams.message import Address
from mainline.errors import ConfigurationError, MissingVariable

SCHEME = "kafka://"


def is_topic(log: str) -> bool:
    return log.startswith(SCHEME)


def address_of(log: str, where: str = "monitor.log") -> Address:
    """Raises ConfigurationError where the address is written otherwise, or the variable is not set."""
    found = re.fullmatch(r"kafka://\$([A-Za-z_][A-Za-z0-9_]*)/([A-Za-z0-9._-]+)", log)
    if found is None:
        raise ConfigurationError(
            f"{where}: a topic is written kafka://$BROKERS/topic, with the name of the environment variable that "
            "holds the brokers"
        )
    url = os.environ.get(found[1], "").strip()
    if not url:
        raise MissingVariable(f"{where}: the environment variable {found[1]} is not set")
    return Address(where, url, found[1], found[2])
