import numpy as np
import pytest
from sklearn.metrics import auc, roc_curve

from mainline.report.plots.curves import Curves, calibration, confusion, precision_recall, ranked, recalls, roc
from tests.mainline.report import samples


def test_a_thinned_curve_cannot_be_told_from_the_whole_one() -> None:
    curves = samples.curves()
    y, score = curves.y.astype(float), curves.candidate.astype(float)
    x, rate = roc(y, score)
    assert len(x) <= 301
    assert (x[0], rate[0], x[-1], rate[-1]) == (0, 0, 1, 1)
    false, true, _ = roc_curve(y, score, drop_intermediate=False)
    at = np.linspace(0, 1, 999)
    assert np.abs(np.interp(at, x, rate) - np.interp(at, false, true)).max() < 0.004
    assert auc(x, rate) == pytest.approx(auc(false, true), abs=5e-4)


def test_precision_is_that_of_thresholds_by_rising_recall_and_of_all_rows_at_the_end() -> None:
    curves = samples.curves(rows=2_000)
    y, score = curves.y.astype(float), np.round(curves.candidate, 2).astype(float)
    recall, precision = precision_recall(y, score)
    assert len(recall) <= 301
    assert (np.diff(recall) >= 0).all()
    assert (recall[-1], precision[-1]) == (1, y.mean())
    first = y[score == score.max()]
    assert (recall[0], precision[0]) == (first.sum() / y.sum(), first.mean())


def test_one_class_has_no_curve() -> None:
    assert not ranked(np.ones(5))
    assert ranked(np.array([0.0, 1.0]))


def test_equal_scores_are_one_point_of_the_calibration() -> None:
    mean, share = calibration(np.array([0.0, 1.0] * 50), np.repeat([0.25, 0.5], 50))
    assert (mean.tolist(), share.tolist()) == ([0.25, 0.5], [0.5, 0.5])


def test_a_probability_that_rounding_put_beyond_one_is_drawn_at_one() -> None:
    mean, share = calibration(np.array([0.0, 1.0]), np.array([-1e-9, 1 + 1e-9]))
    assert (mean.tolist(), share.tolist()) == ([0, 1], [0, 1])


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
