"""Each gate is fed something bad and something good, and what it cannot measure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainline.config.loader import Params
from mainline.evaluation import gates
from mainline.evaluation.gates import Measured
from mainline.evaluation.overlap import Copies
from mainline.evaluation.results import Coverage, Gap, Gate, Interval, Metric, Outcome, Slice
from tests.mainline.settings import params

SHOP = params()
FLOORS = params(("gates:", "gates:\n  floors: {roc_auc: 0.65, brier: 0.2}"))


def delta(name: str, value: float, low: float | None, high: float | None, greater: bool = True) -> Metric:
    return Metric(name, greater, Interval(0.7, 0.68, 0.72), Interval(0.7, 0.68, 0.72), Interval(value, low, high))


def steady(name: str, greater: bool = True) -> Metric:
    return delta(name, 0.0, -0.001, 0.001, greater)


GOOD = Measured(
    compared=True,
    metrics=[
        steady("roc_auc"),
        Metric("brier", False, Interval(0.15, 0.14, 0.16), Interval(0.15, 0.14, 0.16), Interval(0.0, -0.001, 0.001)),
        Metric("calibration_error", False, Interval(0.02, 0.01, 0.03)),
    ],
    lead=Interval(0.1, 0.05, 0.15),
    slices=[Slice("shop", "north", 300, [steady("roc_auc")]), Slice("shop", "south", 300, [steady("roc_auc")])],
    gaps=[Gap("shop", "recall", 0.2, 0.2, "south", "north")],
    label_coverage=0.95,
    train_seconds=1.0,
    model_bytes=100_000,
)


def with_metric(metric: Metric) -> Measured:
    return replace(GOOD, metrics=[metric, *(m for m in GOOD.metrics if m.name != metric.name)])


def gate(name: str, measured: Measured, project: Params = SHOP) -> Gate:
    return next(found for found in gates.judge(project, measured) if found.name == name)


def outcome(measured: Measured, project: Params = SHOP, identical: bool = False) -> Outcome:
    return gates.outcome(project, measured, gates.judge(project, measured), identical)


def test_every_gate_passes_a_model_that_is_as_good_as_mains() -> None:
    assert [found.name for found in gates.judge(FLOORS, GOOD) if not found.passed] == []
    assert len(gates.judge(FLOORS, GOOD)) == 11


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("margin: roc_auc", with_metric(delta("roc_auc", -0.01, -0.021, 0.001))),
        ("margin: brier", with_metric(delta("brier", 0.005, 0.001, 0.011, greater=False))),
        ("lead", replace(GOOD, lead=Interval(0.1, -0.001, 0.2))),
        ("lead", replace(GOOD, lead=Interval(0.019, 0.01, 0.03))),
        ("floor: roc_auc", with_metric(Metric("roc_auc", True, Interval(0.649, 0.6, 0.7)))),
        ("floor: brier", with_metric(Metric("brier", False, Interval(0.201, 0.15, 0.21)))),
        ("slices", replace(GOOD, slices=[Slice("shop", "south", 300, [delta("roc_auc", -0.06, -0.1, -0.01)])])),
        ("gaps", replace(GOOD, gaps=[Gap("shop", "recall", 0.41, 0.2, "south", "north")])),
        ("calibration error", with_metric(Metric("calibration_error", False, Interval(0.151, 0.1, 0.2)))),
        ("label coverage", replace(GOOD, label_coverage=0.849)),
        ("training time", replace(GOOD, train_seconds=60.1)),
        ("model size", replace(GOOD, model_bytes=5_000_001)),
    ],
)
def test_a_gate_refuses_what_its_rule_forbids_and_nothing_else_falls(name: str, measured: Measured) -> None:
    failed = [found.name for found in gates.judge(FLOORS, measured) if not found.passed]
    assert name in failed
    assert set(failed) <= {name, *(f"floor: {m}" for m in ("roc_auc", "brier")), "margin: roc_auc", "margin: brier"}


def test_a_margin_looks_at_the_bound_and_not_at_the_point() -> None:
    assert gate("margin: roc_auc", with_metric(delta("roc_auc", -0.015, -0.0199, -0.01))).passed
    assert not gate("margin: roc_auc", with_metric(delta("roc_auc", 0.001, -0.0201, 0.02))).passed


def test_a_margin_of_a_loss_looks_at_its_upper_bound() -> None:
    assert gate("margin: brier", with_metric(delta("brier", 0.0, -0.5, 0.0099, greater=False))).passed
    assert not gate("margin: brier", with_metric(delta("brier", 0.0, -0.5, 0.0101, greater=False))).passed


@pytest.mark.parametrize("low", [-0.0199, -0.0201])
def test_a_margin_tells_its_number_to_the_headline_whether_it_holds_or_not(low: float) -> None:
    assert gate("margin: roc_auc", with_metric(delta("roc_auc", -0.01, low, 0.0))).limit == 0.02


def test_a_gate_quotes_its_reason_from_params_yaml() -> None:
    assert gate("margin: roc_auc", GOOD).reason == "equal models differ by less"


def test_a_small_slice_that_only_may_have_fallen_is_no_reason_to_refuse() -> None:
    noisy = replace(GOOD, slices=[Slice("shop", "south", 100, [delta("roc_auc", -0.08, -0.2, 0.01)])])
    assert gate("slices", noisy).passed


def test_the_slice_gate_names_every_slice_that_fell_the_worst_first() -> None:
    fallen = [Slice("shop", name, 300, [delta("roc_auc", v, v - 0.01, v + 0.01)]) for name, v in SLICES]
    said = gate("slices", replace(GOOD, slices=fallen)).measured
    assert said.index("east") < said.index("south")
    assert "north" not in said


SLICES = (("north", -0.02), ("south", -0.06), ("east", -0.09))


def test_what_cannot_be_measured_fails() -> None:
    nothing = replace(
        GOOD, metrics=[], lead=None, slices=[], gaps=[], no_metrics="the holdout has 3 labelled rows", no_comparison="x"
    )
    found = {gate.name: gate for gate in gates.judge(FLOORS, nothing)}
    needs_rows = set(found) - {"label coverage", "training time", "model size"}
    assert len(needs_rows) == 8
    for name in needs_rows:
        assert not found[name].passed, name
        assert found[name].measured == "not measurable: the holdout has 3 labelled rows"
    assert outcome(nothing) == Outcome.not_measurable


def test_a_comparison_that_cannot_be_made_fails_the_relative_gates_and_leaves_the_absolute_ones() -> None:
    alone = replace(GOOD, no_comparison="the baseline could not be trained")
    failed = {found.name for found in gates.judge(FLOORS, alone) if not found.passed}
    assert failed == {"margin: roc_auc", "margin: brier", "slices", "gaps"}
    assert outcome(alone) == Outcome.not_measurable


def test_a_margin_whose_interval_could_not_be_resampled_fails() -> None:
    unknown = with_metric(delta("roc_auc", 0.05, None, None))
    assert gate("margin: roc_auc", unknown).measured.startswith("not measurable: no value")
    assert not gate("margin: roc_auc", unknown).passed
    assert outcome(unknown) == Outcome.not_measurable


@pytest.mark.parametrize("part", ["slices", "gaps"])
def test_a_gate_over_slices_of_which_none_is_large_enough_fails(part: str) -> None:
    found = gate(part, replace(GOOD, slices=[], gaps=[]))
    assert not found.passed
    assert found.measured.startswith("not measurable")


def test_without_a_baseline_only_the_absolute_gates_decide() -> None:
    names = {found.name for found in gates.judge(FLOORS, replace(GOOD, compared=False))}
    assert names == {
        "lead", "floor: roc_auc", "floor: brier", "calibration error", "label coverage", "training time", "model size",
    }  # fmt: skip
    assert outcome(replace(GOOD, compared=False)) == Outcome.no_baseline
    assert outcome(replace(GOOD, compared=False), identical=True) == Outcome.identical


def test_certainly_ahead_is_better_and_within_the_margin_no_worse() -> None:
    assert outcome(with_metric(delta("roc_auc", 0.02, 0.001, 0.04))) == Outcome.better
    assert outcome(with_metric(delta("roc_auc", 0.02, -0.001, 0.04))) == Outcome.no_worse
    assert outcome(with_metric(delta("roc_auc", -0.005, -0.01, -0.001))) == Outcome.no_worse
    assert outcome(with_metric(delta("roc_auc", -0.03, -0.05, -0.01))) == Outcome.worse


def test_a_headline_that_is_ahead_does_not_excuse_another_metric_beyond_its_margin() -> None:
    both = with_metric(delta("brier", 0.02, 0.015, 0.03, greater=False))
    ahead = replace(both, metrics=[delta("roc_auc", 0.02, 0.01, 0.04), *(m for m in both.metrics if m.name == "brier")])
    assert outcome(ahead) == Outcome.worse


@pytest.mark.parametrize("margins", ["margins: {brier: 0.01}", "margins: {}"])
def test_a_headline_without_a_margin_that_certainly_fell_is_worse(margins: str) -> None:
    project = params(("margins:\n    roc_auc: 0.02   # equal models differ by less\n    brier: 0.01", margins))
    assert outcome(with_metric(delta("roc_auc", -0.03, -0.05, -0.001)), project) == Outcome.worse
    assert outcome(with_metric(delta("roc_auc", -0.03, -0.05, 0.001)), project) == Outcome.no_worse


finite = st.floats(-1, 1, allow_nan=False)


@given(finite, finite, st.floats(0, 1))
def test_a_better_bound_never_turns_a_margin_from_pass_to_refusal(low: float, high: float, gain: float) -> None:
    low, high = min(low, high), max(low, high)
    middle = (low + high) / 2
    before = gate("margin: roc_auc", with_metric(delta("roc_auc", middle, low, high)))
    after = gate("margin: roc_auc", with_metric(delta("roc_auc", middle + gain, low + gain, high + gain)))
    assert after.passed >= before.passed


@given(finite, finite, st.floats(0, 1), st.sampled_from(["value", "low"]))
def test_a_larger_lead_never_turns_from_pass_to_refusal(value: float, low: float, gain: float, which: str) -> None:
    low = min(value, low)
    better = Interval(value + gain, low + (gain if which == "low" else 0), 1.0)
    before = gate("lead", replace(GOOD, lead=Interval(value, low, 1.0)))
    assert gate("lead", replace(GOOD, lead=better)).passed >= before.passed


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_wider_gap_never_turns_from_refusal_to_pass(now: float, was: float, more: float) -> None:
    before = gate("gaps", replace(GOOD, gaps=[Gap("shop", "recall", now, was, "a", "b")]))
    after = gate("gaps", replace(GOOD, gaps=[Gap("shop", "recall", now + more, was, "a", "b")]))
    assert after.passed <= before.passed


@given(st.floats(0, 200), st.integers(0, 10**8), st.floats(0, 1))
def test_time_size_and_coverage_are_judged_at_their_thresholds(seconds: float, size: int, coverage: float) -> None:
    measured = replace(GOOD, train_seconds=seconds, model_bytes=size, label_coverage=coverage)
    assert gate("training time", measured).passed == (seconds <= 60)
    assert gate("model size", measured).passed == (size <= 5_000_000)
    assert gate("label coverage", measured).passed == (coverage >= 0.85)


@pytest.mark.parametrize("name", ["floor: roc_auc", "floor: brier", "calibration error"])
def test_a_level_that_is_not_a_number_fails_and_says_so(name: str) -> None:
    metric = {"floor: roc_auc": "roc_auc", "floor: brier": "brier"}.get(name, "calibration_error")
    nothing = with_metric(Metric(metric, metric == "roc_auc", Interval(float("nan"), None, None)))
    found = gate(name, nothing, FLOORS)
    assert not found.passed
    assert found.measured.startswith("not measurable: no value on these rows")


@pytest.mark.parametrize(
    ("candidate", "baseline", "who"),
    [
        (float("nan"), 0.3, "this model"),
        (0.3, float("nan"), "main's model"),
        (float("nan"), float("nan"), "this model and main's model"),
    ],
)
def test_a_margin_on_a_metric_without_a_value_fails_and_names_the_model_without_one(
    candidate: float, baseline: float, who: str
) -> None:
    nothing = Interval(float("nan"), None, None)
    project = params(("brier: 0.01", "brier: 0.01\n    precision: 0.05"))
    found = with_metric(
        Metric("precision", True, Interval(candidate, None, None), Interval(baseline, None, None), nothing)
    )
    failed = gate("margin: precision", found, project)
    assert not failed.passed
    assert failed.measured == f"not measurable: no value on these rows for {who}"
    assert outcome(found, project) == Outcome.not_measurable


def test_a_holdout_outside_training_is_refused_where_that_is_asked_for_and_unmeasured_drift_fails() -> None:
    asked = params(("gates:", "gates:\n  holdout_drift: 1"))
    assert gate("holdout drift", replace(GOOD, drifted=["temp"]), asked).passed
    failed = gate("holdout drift", replace(GOOD, drifted=["temp", "humid"]), asked)
    assert not failed.passed
    assert failed.measured == "2 features: temp, humid"
    assert not gate("holdout drift", replace(GOOD, drifted=None), asked).passed
    assert "holdout drift" not in {found.name for found in gates.judge(SHOP, replace(GOOD, drifted=["temp"]))}


def test_labels_are_gated_in_training_its_months_and_slices_beyond_what_sampling_explains() -> None:
    low = [Coverage("training 2013-02", 20_000, 0.70), Coverage("training shop=east", 300, 0.83)]
    failed = gate("label coverage", replace(GOOD, coverage=low))
    assert not failed.passed
    assert failed.measured == "95.0 %; training 2013-02: 70.0 %"
    assert gate("label coverage", replace(GOOD, coverage=low[1:])).passed


@pytest.mark.parametrize(("late", "passed"), [((10, 1000), True), ((11, 1000), False), (None, False), ((0, 0), False)])
def test_rows_that_are_pending_long_after_they_were_due_are_refused(late: tuple[int, int] | None, passed: bool) -> None:
    asked = params(("gates:", "gates:\n  pending: {status: open, after: 3 days}"))
    found = gate("pending", replace(GOOD, overdue=late), asked)
    assert found.passed == passed
    assert "still open 3 days after" in found.rule


def test_copies_beyond_one_percent_fail_without_being_asked_for_and_none_is_not_listed() -> None:
    assert "overlap" not in {found.name for found in gates.judge(SHOP, replace(GOOD, copies=Copies(0, 1000)))}
    assert gate("overlap", replace(GOOD, copies=Copies(10, 1000))).passed
    failed = gate("overlap", replace(GOOD, copies=Copies(11, 1000, "visit=1 and visit=2")))
    assert not failed.passed
    assert failed.measured == "11 of 1,000 holdout rows (1.1 %), such as visit=1 and visit=2"
    loose = params(("gates:", "gates:\n  overlap: 0.5   # the same visitor counts twice"))
    assert gate("overlap", replace(GOOD, copies=Copies(0, 1000)), loose).reason == "the same visitor counts twice"


def test_a_bound_that_rounds_onto_its_limit_is_shown_with_the_decimals_that_decide() -> None:
    clear = Interval(-0.0041, -0.0144, 0.0017)
    assert gates.show(clear, clear.low, -0.010) == "−0.004 [−0.014, +0.002]"
    close = Interval(-0.0041, -0.0104, 0.0017)
    assert gates.show(close, close.low, -0.010) == "−0.004 [−0.010, +0.002], unrounded −0.0104"
    closer = Interval(-0.0041, -0.01000004, 0.0017)
    assert gates.show(closer, closer.low, -0.010) == "−0.004 [−0.010, +0.002], unrounded −0.01000004"
