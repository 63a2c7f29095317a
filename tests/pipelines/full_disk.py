"""`python -m tests.pipelines.full_disk BYTES …`: Mainline's command line where no file may grow beyond so many bytes.

To who writes, it is the error of a full disk; Python ignores the signal that comes with it.
"""

from __future__ import annotations

import resource
import sys

from mainline.cli.main import main

if __name__ == "__main__":
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.exit(main(sys.argv[2:]))
