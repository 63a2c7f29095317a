"""Tests of the data share one reader of it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
