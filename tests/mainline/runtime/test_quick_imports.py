"""Imports that are shorter, and nothing but docstrings that differ."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from mainline.runtime.quick_imports import plain_docstrings
with plain_docstrings():
    import sklearn.pipeline
assert "scipy.stats" in sys.modules
from scipy._lib import _array_api, _docscrape
assert _array_api.FunctionDoc is _docscrape.FunctionDoc, "as it was"
from scipy import stats
assert stats.ttest_ind([1.0, 2, 3], [2.0, 3, 5]).pvalue > 0.2
assert stats.ttest_ind.__doc__.strip().startswith("Calculate the T-test")
assert "Array API Standard Support" not in stats.ttest_ind.__doc__
"""


@pytest.mark.slow
def test_scipy_works_and_is_left_as_it_was() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    usual = "from scipy import stats; assert 'Array API Standard Support' in stats.ttest_ind.__doc__"
    done = subprocess.run([sys.executable, "-c", usual], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "SciPy writes no such notes any more: there is nothing to leave out"
