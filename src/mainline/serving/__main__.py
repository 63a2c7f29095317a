"""`python -m mainline.serving`: set up by environment variables alone."""

import sys

from mainline.errors import MainlineError
from mainline.serving.server import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except MainlineError as error:
        print(f"mainline: {error}", file=sys.stderr)
        sys.exit(error.status)
