"""Run a compiled pipeline with `kfp.local`, each step in a container: in the environment that has kfp.

`python run_local.py PIPELINE FOLDER`: what the steps leave goes to FOLDER.
"""

import os
import sys

from kfp import components, local


def main(pipeline: str, folder: str) -> int:
    runner = local.DockerRunner(user=f"{os.getuid()}:{os.getgid()}", network_mode="none")
    local.init(runner, pipeline_root=folder, enable_caching=True)
    components.load_component_from_file(pipeline)()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
