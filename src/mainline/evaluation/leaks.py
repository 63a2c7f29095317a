"""Signs of a leak that the point-in-time check cannot see: each is a warning that is read before the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mainline.data.validation.results import Validation
from mainline.evaluation.formatting import metric_name, score, signed
from mainline.evaluation.results import Importance, Review, better

JUMP = 0.5  # of the metric's improvement


def warnings(review: Review, importance: Sequence[Importance], before: Mapping[str, float] | None) -> list[str]:
    """A feature that alone reaches the model, and one whose importance rose with the metric."""
    name = metric_name(review.metric)
    found = [
        f"{feature.feature} alone reaches {name} {score(abs(feature.alone))}, as much as the whole model: make sure "
        "that it is known at the time of the prediction"
        for feature in importance
        if feature.suffices and feature.alone is not None
    ]
    metric = next((each for each in review.metrics if each.name == review.metric), None)
    if metric is None or metric.delta is None or before is None:
        return found
    gain = better(metric, metric.delta)
    if gain.low is None or gain.low <= 0:
        return found
    rises = [(feature.value - before.get(feature.feature, 0.0), feature) for feature in importance]
    rise, feature = max(rises, key=lambda each: each[0], default=(0.0, None))
    if feature is not None and rise >= JUMP * gain.value:
        was = f"from {score(before[feature.feature])}" if feature.feature in before else "as a new feature"
        rose = f"the importance of {feature.feature} rose with it {was} to {score(feature.value)}"
        found.append(
            f"{name} improved by {signed(gain.value)[0]}, and {rose}: make sure that it is known at the time of the "
            "prediction"
        )
    return found


def not_rolled_back(validation: Validation, known: Sequence[str] | None) -> list[str]:
    """New features of tables without a time that share a key with the label's table; `known` are the baseline's."""
    found = []
    for table in validation.unchecked:
        new = [name for name in table.features if known is None or name not in known]
        if table.risky and new:
            come = f"{', '.join(new)} come{'s' if len(new) == 1 else ''} from {table.table}"
            found.append(
                f"{come}, which has no time and cannot be rolled back, and it shares {', '.join(table.shares)} with "
                "the label's table: it may hold what only the outcome told"
            )
    return found
