"""`python3 -m mainline.github.image_push folder sha256:…`: the image of the candidate's job goes to the registry.

Runs nothing of the project: its input is a folder of files whose digests are verified, and the repository is that of
the settings, not one that the folder names. Where there is no folder, the image was pushed before: that is checked.
Exit status: 0 it is there, 2 wrong call, 3 the folder holds another image, 4 no answer from the registry.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mainline.config import environment as variables
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from mainline.github.actions import commands, registry_login
from mainline.registry.oci_push import DIGEST, Pushing, read
from mainline.runtime import models

# Of the model's fingerprint, and of what the image was built from: no other tag is moved, such as `production`.
TAG = re.compile(r"[0-9a-f]{12}|staged-[0-9a-f]{32}")


def main(arguments: Sequence[str] = (), environment: Mapping[str, str] = os.environ) -> int:
    try:
        if len(arguments) != 2 or not DIGEST.fullmatch(arguments[1]):
            raise ConfigurationError(f"a folder and the digest that was staged are needed, and not {[*arguments]}")
        folder, digest = Path(arguments[0]), arguments[1]
        repository = of_settings(environment)
        login = registry_login.credentials(repository.partition("/")[0], environment)
        push(Pushing(repository, login), folder if folder.exists() else None, digest)
    except MainlineError as error:
        commands.annotate("error", "The image was not pushed", str(error))
        return error.status
    commands.set_outputs(environment, image=repository, image_digest=digest)
    return 0


def of_settings(environment: Mapping[str, str]) -> str:
    """The repository of this model's images, from the repository's variables as JSON in SETTINGS."""
    try:
        given = json.loads(environment.get("SETTINGS") or "{}")
    except ValueError as error:
        raise ConfigurationError(f"SETTINGS is no JSON: {error}") from None
    found = variables.in_workflow(given, environment)
    own = variables.of_model(found, models.selected(environment))
    return own.get(variables.IMAGE, found[variables.IMAGE]).lower()


def push(pushing: Pushing, folder: Path | None, digest: str) -> None:
    """Push the layout of this digest; without one the registry must have the image.

    Raises
    ------
    DataError
        Where the layout is that of another image: nothing of it is pushed.
    """
    if folder is None:
        if not pushing.exists(digest):
            raise ExternalError(f"{pushing.repository} does not have {digest} any more: run all jobs again")
        print(f"{pushing.repository}@{digest} is there")
        return
    blobs, tags = read(folder)
    if blobs[-1].digest != digest:
        raise DataError(f"{folder} is the image {blobs[-1].digest}, and {digest} was staged")
    if not all(TAG.fullmatch(tag) for tag in tags):
        raise DataError(f"{folder} has tags that no build gives: {', '.join(tags)}")
    pushing.push(blobs, tags)
    print(f"pushed {pushing.repository}@{digest}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
