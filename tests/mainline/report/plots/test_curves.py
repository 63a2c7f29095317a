import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from mainline.report.plots.curves import Curves, calibration, confusion, precision_recall, ranked, recalls, roc
from tests.mainline.report import samples


@pytest.mark.parametrize("decimals", [17, 2, 1])
def test_curves_agree_with_scikit_learn_also_with_ties(decimals: int) -> None:
    curves = samples.curves(rows=2_000)
    y, score = curves.y.astype(float), np.round(curves.candidate, decimals)
    counts = ranked(y, score)
    assert counts is not None
    x, rate, _ = roc_curve(y, score, drop_intermediate=False)
    ours = np.append(0, counts.false / counts.negatives), np.append(0, counts.true / counts.positives)
    np.testing.assert_allclose(ours, (x, rate))
    precision, recall, _ = precision_recall_curve(y, score)
    np.testing.assert_allclose(counts.true / (counts.true + counts.false), precision[:-1][::-1])
    np.testing.assert_allclose(counts.true / counts.positives, recall[:-1][::-1])


def test_a_thinned_curve_cannot_be_told_from_the_whole_one() -> None:
    curves = samples.curves()
    counts = ranked(curves.y.astype(float), curves.candidate.astype(float))
    assert counts is not None
    x, y = roc(counts)
    assert len(x) <= 301
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    whole = np.interp(np.linspace(0, 1, 999), counts.false / counts.negatives, counts.true / counts.positives)
    assert np.abs(np.interp(np.linspace(0, 1, 999), x, y) - whole).max() < 0.004
    assert auc(x, y) == pytest.approx(auc(counts.false / counts.negatives, counts.true / counts.positives), abs=5e-4)
    assert len(precision_recall(counts)[0]) <= 301


def test_one_class_has_no_curve() -> None:
    assert ranked(np.ones(5), np.arange(5.0)) is None


def test_calibrated_scores_lie_on_the_diagonal() -> None:
    draw = np.random.default_rng(0)
    score = draw.random(50_000)
    mean, share = calibration((draw.random(50_000) < score).astype(float), score)
    assert len(mean) == 10
    np.testing.assert_allclose(mean, share, atol=0.03)


def test_confusion_counts_labels_down_and_predictions_across() -> None:
    score = np.array([[0.9, 0.1, 0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    matrix = confusion(np.array([0.0, 1.0, 1.0]), score, 3)
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    np.testing.assert_array_equal(recalls(matrix), [1, 0.5, np.nan])


def test_scores_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="baseline scores 2 rows, labels are there for 3"):
        Curves(np.zeros(3), np.zeros(3), np.zeros(2))
