import dataclasses

import pytest

from mainline.evaluation import formatting
from mainline.evaluation.results import Gate, Interval, Metric, Outcome, Review
from mainline.report import headline
from mainline.report.terminal import terminal_summary
from tests.mainline.report import samples


@pytest.mark.parametrize(
    ("review", "line"),
    [
        (
            samples.flights(),
            "✓ Passed: no worse than main — ROC AUC 0.716, −0.002 [−0.006, +0.003] on the same 27,010 rows",
        ),
        (
            samples.worse(),
            (
                "✗ Failed: significantly worse than main — "
                "ROC AUC −0.026 [−0.032, −0.021], margin 0.010, on the same 27,010 rows"
            ),
        ),
        (
            samples.not_established(),
            (
                "✗ Failed: non-inferiority to main not established — "
                "ROC AUC −0.010 [−0.021, +0.001], margin 0.010, on the same 27,010 rows"
            ),
        ),
        (
            samples.flights(outcome=Outcome.better),
            "✓ Passed: better than main — ROC AUC 0.716, −0.002 [−0.006, +0.003] on the same 27,010 rows",
        ),
        (
            samples.refused_by_slices(),
            (
                "✗ Failed: gate “slices”: carrier WN: −0.097 [−0.131, −0.062] — better than main otherwise, "
                "ROC AUC 0.724, +0.008 [+0.003, +0.013] on the same 27,010 rows"
            ),
        ),
        (
            samples.without_baseline(),
            (
                "✓ Passed: no model on main to compare with — ROC AUC 0.716 [0.689, 0.743] on 27,010 rows, "
                "absolute gates only"
            ),
        ),
        (
            dataclasses.replace(samples.without_baseline(), outcome=Outcome.identical),
            (
                "✓ Passed: identical to main — ROC AUC 0.716 [0.689, 0.743] on 27,010 rows, "
                "nothing that can change the model differs"
            ),
        ),
    ],
)
def test_every_outcome_has_a_headline_with_its_number_and_interval(review: Review, line: str) -> None:
    assert headline.headline(review) == line


def test_what_cannot_be_measured_says_why() -> None:
    gate = Gate("margin: roc_auc", "", "not measurable: only 12 labelled rows are new to both models", False)
    alone = [dataclasses.replace(m, baseline=None, delta=None) for m in samples.flights().metrics]
    review = samples.flights(outcome=Outcome.not_measurable, passed=False, gates=[gate], metrics=alone)
    assert headline.headline(review).startswith(
        "✗ Failed: not measurable against main, only 12 labelled rows are new to both models — ROC AUC 0.716"
    )


def test_a_refusal_for_another_metric_shows_that_metric() -> None:
    review = samples.worse()
    brier = Metric(
        "brier", False, Interval(0.12, 0.11, 0.13), Interval(0.106, 0.1, 0.11), Interval(0.014, 0.012, 0.016)
    )
    gates = [Gate("margin: brier", "", "+0.014 [+0.012, +0.016]", False, limit=0.003)]
    review = dataclasses.replace(review, metrics=[review.metrics[0], brier], gates=gates)
    assert "Brier +0.014 [+0.012, +0.016], margin 0.003, on" in headline.headline(review)


def test_invalid_data_comes_before_any_gate() -> None:
    broken = dataclasses.replace(samples.expectations()[0], success=False)
    review = samples.worse()
    review = dataclasses.replace(review, validation=dataclasses.replace(review.validation, expectations=[broken]))
    assert headline.headline(review).startswith("✗ Failed: invalid data, 1 critical expectation not met")


def test_all_failed_gates_are_counted_in_the_headline() -> None:
    gates = [
        Gate("label coverage", "", "12.0 %", False),
        Gate("model size", "", "12 MB", False),
        Gate("lead", "", "", True),
    ]
    said = headline.headline(samples.flights(passed=False, gates=gates))
    assert said.startswith("✗ Failed: gate “label coverage” (and 1 more gate): 12.0 %")


def test_rows_that_were_left_out_of_the_comparison_are_not_counted() -> None:
    rows = samples.flights().rows | {"compared": 9_000}
    assert headline.headline(samples.flights(rows=rows)).endswith("on the same 9,000 rows")


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(-0.0021, -0.0061, 0.0029), "−0.002 [−0.006, +0.003]"),
        (Interval(0.0, -0.004, 0.004), "0.000 [−0.004, +0.004]"),
        (Interval(-0.00003, -0.0004, 0.0003), "0.0000 [−0.0004, +0.0003]"),
        (Interval(-0.0013, -0.0024, -0.0002), "−0.0013 [−0.0024, −0.0002]"),
        (Interval(1.5, None, None), "+1.500"),
        (Interval(-0.9996, -1.2, -0.1), "−1.000 [−1.200, −0.100]"),
        (Interval(12.345, 10.0, 20.0), "+12.35 [+10.00, +20.00]"),
        (Interval(-1234.5, -2000, -10.2), "−1,234 [−2,000, −10]"),
    ],
)
def test_differences_have_signs_and_as_many_decimals_as_they_need(interval: Interval, text: str) -> None:
    assert formatting.difference(interval) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.7164, "0.716"), (1.0, "1.000"), (-0.12, "−0.120"), (0, "0.000"), (10.0, "10.00"), (120.04, "120.0"),
     (1234567.8, "1,234,568"), (float("nan"), "–"), (None, "–"), (20.3, "20.30")],
)  # fmt: skip
def test_scores_have_three_decimals_and_large_numbers_fewer(value: float | None, text: str) -> None:
    assert formatting.score(value) == text


def test_sizes_and_times_have_the_unit_that_people_use() -> None:
    assert [formatting.size(n) for n in (12, 812_344, 8_123_440, 3_000_000_000)] == [
        "12 bytes",
        "812 kB",
        "8.12 MB",
        "3.00 GB",
    ]
    assert [formatting.duration(s) for s in (0.214, 4.31, 12.34, 130)] == ["0.21 s", "4.31 s", "12.3 s", "2 min 10 s"]


def test_control_characters_of_a_terminal_do_not_get_through() -> None:
    review = samples.flights(base_ref="\x1b[31mmain\u202e\nx")
    assert "\x1b" not in headline.headline(review)
    assert "\u202e" not in headline.headline(review)
    assert "\n" not in headline.headline(review)


def test_the_terminal_shows_headline_gates_and_reports_within_100_columns() -> None:
    gates = [Gate("a gate " * 30, "", "measured " * 50, False), *samples.flights().gates]
    text = terminal_summary(samples.flights(passed=False, gates=gates, base_ref="b" * 300))
    assert max(map(len, text.splitlines())) <= 100
    assert text.startswith("✗ Failed: gate “a gate")
    assert text.index("✗ failed") < text.index("✓ passed")
    assert "reports/report.html" in text
    assert "\x1b" not in text


def test_colours_come_only_when_asked_for() -> None:
    assert "\x1b[32m" in terminal_summary(samples.flights(), colour=True)
