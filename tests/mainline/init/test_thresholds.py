"""What equal models say about a project, set in its proposal."""

from __future__ import annotations

from mainline.evaluation.equal_models import Margin
from mainline.evaluation.results import Gate, Importance, Interval, Metric
from mainline.init import thresholds
from mainline.init.margins import Measured
from mainline.init.proposal import Finding, Proposal

SETTINGS = {
    "task": "binary",
    "gates": {
        "margins": {"roc_auc": 0.02, "brier": 0.005},
        "lead": {"by": ["state"], "metric": "roc_auc", "at_least": 0.02},
        "calibration_error": 0.1,
    },
}


def proposal() -> Proposal:
    return Proposal("churn", "churn", SETTINGS, {}, "churn", None, (), {})


def test_measured_margins_and_floors_are_set_with_what_was_measured() -> None:
    risk = Finding("risk", None, "few rows")
    measured = Measured((Margin("roc_auc", 0.011, 29, 30),), (("accuracy", 0.9, "models reach 0.95"),), (risk,))
    found = thresholds.with_measured(proposal(), measured)
    gates = found.settings["gates"]
    assert gates["margins"] == {"roc_auc": 0.011, "brier": 0.005}
    assert gates["floors"] == {"accuracy": 0.9}
    assert found.reasons["gates", "margins", "roc_auc"] == "measured: 29 of 30 pairs of equal models pass"
    assert found.reasons["gates", "margins", "brier"].startswith("not measured")
    assert risk in found.findings
    assert SETTINGS["gates"]["margins"]["roc_auc"] == 0.02, "the proposal before is as it was"  # type: ignore[index]


def test_a_guessed_gate_that_the_first_model_fails_is_changed_and_said() -> None:
    gates = [
        Gate("lead", "at least 0.02", "+0.004 [−0.010, +0.018]", passed=False),
        Gate("calibration error", "at most 0.1", "0.131 [0.110, 0.152]", passed=False),
        Gate("overlap", "at most 1 %", "12 %", passed=False),
    ]
    found = thresholds.met(proposal(), gates)
    assert found is not None
    assert found.settings["gates"] == {"margins": SETTINGS["gates"]["margins"], "calibration_error": 0.19}  # type: ignore[index]
    assert [one.kind for one in found.findings] == ["risk", "risk"]
    assert "hardly ahead of the mean by state" in found.findings[0].text


def test_a_gate_that_is_not_a_guess_stays_and_fails() -> None:
    unmeasured = Gate("calibration error", "at most 0.1", "not measurable: 3 blocks, 8 are needed", passed=False)
    assert thresholds.met(proposal(), [unmeasured]) is None
    assert thresholds.met(proposal(), [Gate("overlap", "at most 1 %", "12 %", passed=False)]) is None
    assert thresholds.met(proposal(), [Gate("lead", "", "+0.1", passed=True)]) is None


def test_a_first_model_that_is_hardly_ever_wrong_is_a_leak_to_look_for() -> None:
    importance = [Importance("a", 0.01, -0.01, 0.03), Importance("refund", 0.4, 0.3, 0.5)]
    good, usual = (Metric("roc_auc", True, Interval(value, 0.9, 1.0)) for value in (0.998, 0.97))
    found = thresholds.too_good("binary", [good], importance)
    assert found is not None
    assert (found.kind, "(ROC AUC 0.998)" in found.text, "(refund)" in found.text) == ("leak", True, True)
    assert thresholds.too_good("binary", [usual], importance) is None
    assert thresholds.too_good("multiclass", [good], importance) is None, "that metric is not there"
