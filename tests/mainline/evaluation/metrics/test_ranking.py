from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainline.evaluation import bootstrap
from mainline.evaluation.metrics import ranking


@pytest.mark.slow
@settings(max_examples=150)
@given(
    n=st.integers(2, 80),
    n_blocks=st.integers(2, 12),
    levels=st.sampled_from([1, 3, 10, 10_000]),
    seed=st.integers(0, 2**32 - 1),
    cells=st.sampled_from([16, 1 << 19]),
)
def test_both_ways_give_the_same_numbers_however_the_work_is_cut(n, n_blocks, levels, seed, cells):
    generator = np.random.default_rng(seed)
    ranked = ranking.points(generator.integers(0, 2, n) == 1, generator.integers(0, levels, n) / levels)
    blocks = generator.integers(0, n_blocks, n)
    counts = bootstrap.draw(n_blocks, 20, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_CELLS", cells)
        for by_blocks, by_rows in (
            (ranking.roc_auc_by_blocks, ranking.roc_auc_by_rows),
            (ranking.average_precision_by_blocks, ranking.average_precision_by_rows),
        ):
            one, other = by_blocks(ranked, blocks, counts), by_rows(ranked, blocks, counts)
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_both_ways_agree_on_thousands_of_tied_rows():
    generator = np.random.default_rng(3)
    ranked = ranking.points(generator.random(5000) < 0.2, generator.random(5000).round(3))
    blocks, counts = generator.integers(0, 40, 5000), bootstrap.draw(40, 300, 3)
    for way in ("roc_auc", "average_precision"):
        one, other = (getattr(ranking, f"{way}_by_{kind}")(ranked, blocks, counts) for kind in ("blocks", "rows"))
        np.testing.assert_allclose(one, other, rtol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("n_blocks", [30, 400, 20_000])
def test_memory_stays_bounded_for_few_blocks_and_for_a_block_a_row(n_blocks):
    n = 20_000
    generator = np.random.default_rng(0)
    blocks = generator.permutation(np.arange(n) % n_blocks)
    ranked = ranking.points(generator.random(n) < 0.25, generator.random(n))
    counts = bootstrap.draw(n_blocks, 300, 0)
    tracemalloc.start()
    ranking.roc_auc(ranked, blocks, counts)
    ranking.average_precision(ranked, blocks, counts)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20
