"""What a test needs of the platform. It skips by name elsewhere: without it, it would prove nothing."""

from __future__ import annotations

import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: /proc, or limits of another process")
