"""The gates `label_coverage`, `train_seconds` and `model_megabytes`: what a single number bounds."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.evaluation.formatting import share
from mainline.evaluation.gates.declaration import Measured, gate
from mainline.evaluation.missing_labels import surely_below
from mainline.evaluation.results import Gate


@gate("label_coverage")
def label_coverage(least: float, params: Params, measured: Measured) -> list[Gate]:
    """Of the holdout as it is; of training, its months and every slice beyond what sampling explains."""
    rule = (
        f"at least {share(least)} of the rows of the holdout, of training, of every month of training and every slice"
    )
    reason = params.reason("gates", "label_coverage")
    low = [part for part in measured.coverage if part.part != "holdout" and surely_below(part, least)]
    shown = share(measured.label_coverage)
    shown += "".join(f"; {part.part}: {share(part.share)}" for part in low[:3])
    shown += f"; and {len(low) - 3} more" if low[3:] else ""
    return [Gate("label coverage", rule, shown, measured.label_coverage >= least and not low, reason)]


@gate("train_seconds")
def train_seconds(most: float, params: Params, measured: Measured) -> list[Gate]:
    rule, shown = f"at most {most:g} s", f"{measured.train_seconds:.1f} s"
    reason = params.reason("gates", "train_seconds")
    return [Gate("training time", rule, shown, measured.train_seconds <= most, reason)]


@gate("model_megabytes")
def model_megabytes(most: float, params: Params, measured: Measured) -> list[Gate]:
    size = measured.model_bytes / 1e6
    rule, shown = f"at most {most:g} MB", f"{size:.2f} MB"
    return [Gate("model size", rule, shown, size <= most, params.reason("gates", "model_megabytes"))]
