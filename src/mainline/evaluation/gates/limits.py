"""The gates `label_coverage`, `train_seconds` and `model_megabytes`: what a single number bounds."""

from __future__ import annotations

from mainline.config.loader import Params
from mainline.evaluation.gates.declaration import Measured, gate
from mainline.evaluation.results import Gate


@gate("label_coverage")
def label_coverage(least: float, params: Params, measured: Measured) -> list[Gate]:
    rule, shown = f"at least {least:.0%} of the holdout rows", f"{measured.label_coverage:.1%}"
    reason = params.reason("gates", "label_coverage")
    return [Gate("label coverage", rule, shown, measured.label_coverage >= least, reason)]


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
