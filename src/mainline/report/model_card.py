"""The model card of a version: the measurements, and the part that people write.

In Hugging Face's format (YAML front matter, then Markdown; https://huggingface.co/docs/hub/model-cards).
`docs/model-card.md` holds intended use, limits and licence; everything else comes from the
measurements of the release's review.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mainline.config.loader import Params
from mainline.config.schema import Settings
from mainline.errors import ConfigurationError
from mainline.evaluation.results import Interval, Review, Slice
from mainline.registry.models import Version, name
from mainline.runtime import models
from mainline.runtime.models import AT_TOP
from mainline.training.record import Record

WRITTEN = AT_TOP.card
TASKS = {"binary": "tabular-classification", "multiclass": "tabular-classification", "regression": "tabular-regression"}


def render(
    params: Params, review: Review, record: Record, version: Version, image: str | None, root: Path | None = None
) -> str:
    """The card of a release as Markdown: the previous champion, the gates, and who approved it.

    Raises
    ------
    ConfigurationError
        Where the front matter of `docs/model-card.md` is not a YAML mapping.
    """
    commit = review.candidate.commit or version.tags.get("commit", "none")
    facts = [
        *identity(params.settings, review, record, commit),
        ("training", f"{record.facts.model.seconds:.1f} s"),
        ("image", f"`{image}`" if image else "none"),
        ("pull request", cell(version.tags.get("pull_request", "none"))),
        ("approved by", cell(version.tags.get("approver", "not recorded"))),
        ("deployment approved by", cell(version.tags.get("deployment_approver", "not recorded"))),
    ]
    return page(review, record, str(version.number), commit, facts, root, released=True)


def of_export(settings: Settings, review: Review, record: Record, version: str, root: Path | None = None) -> str:
    """The card in an image: the measurements on the holdout.

    An image cannot contain its own digest or its number in the registry, which are assigned later; so the
    same model has the same card in every build, and the release's card has the rest.

    Raises
    ------
    ConfigurationError
        As `render`.
    """
    commit = str(record.facts.made_by or "none")
    return page(review, record, version, commit, identity(settings, review, record, commit), root, released=False)


def page(
    review: Review,
    record: Record,
    version: str,
    commit: str,
    facts: list[tuple[str, str]],
    root: Path | None,
    released: bool,
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    place = models.selected().card
    given, written = people_wrote((root or Path.cwd()) / place)
    environment = Environment(
        loader=PackageLoader("mainline.report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Markdown: `cell` escapes what comes from data
    )
    environment.filters.update(cell=cell, value=value, range=interval)
    text: str = environment.get_template("model-card.md.j2").render(
        front=front(given, review, version),
        name=name(),
        version=version,
        written=written or f"The intended use of this model is not documented yet: write it in `{place}`.",
        # In the text as well: GitHub does not show the front matter of a release page.
        identity=[*facts, ("licence", cell(given.get("license") or "not stated"))],
        review=review,
        released=released,
        headline=partial(headline, review.metric),
        commit=commit,
        reproduce=reproduce(record),
    )
    return text


def people_wrote(path: Path) -> tuple[dict[str, Any], str]:
    """Front matter and text of the fork's own part; both empty where there is none."""
    if not path.exists():
        return {}, ""
    text = path.read_text(encoding="utf-8")
    given: Any = {}
    if text.startswith("---\n"):
        head, closed, rest = text[4:].partition("\n---\n")
        try:
            given = yaml.safe_load(head) or {}
        except yaml.YAMLError as error:
            raise ConfigurationError(f"{path}: the front matter is not YAML: {error}") from None
        if not closed or not isinstance(given, dict):
            raise ConfigurationError(f"{path}: the front matter must be keys and values between two lines of ---")
        text = rest
    return given, without_comments(text).strip()


def without_comments(text: str) -> str:
    """Remove HTML comments: they are for the editor of the page, not for its reader."""
    before, opened, rest = text.partition("<!--")
    return before + without_comments(rest.partition("-->")[2]) if opened else before


def front(given: dict[str, Any], review: Review, version: str) -> str:
    """Hugging Face's metadata: the fork's own, and the measured values as a model index."""
    measured = [
        {"type": metric.name, "value": metric.candidate.value}
        for metric in review.metrics
        if math.isfinite(metric.candidate.value)
    ]
    result = {
        "task": {"type": TASKS[review.task]},
        "dataset": {"name": "holdout", "type": "tabular", "revision": review.data_digest},
        "metrics": measured,
    }
    content = {
        "library_name": "sklearn",
        "pipeline_tag": TASKS[review.task],
        **given,
        "model-index": [{"name": f"{name()} {version}", "results": [result]}],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def identity(settings: Settings, review: Review, record: Record, commit: str) -> list[tuple[str, str]]:
    facts = record.facts.model
    return [
        ("estimator", f"`{review.estimator}`"),
        ("task", review.task),
        ("label", f"`{settings.prepare.label}`"),
        ("features", ", ".join(f"`{each}`" for each in settings.prepare.features.names)),
        ("commit", f"`{commit}`"),
        ("fingerprint", f"`{record.fingerprint}`"),
        ("model, SHA-256", f"`{record.digest}`"),
        ("data, SHA-256", f"`{review.data_digest}`"),
        ("size", f"{facts.bytes:,} bytes"),
    ]


def reproduce(record: Record) -> str:
    python = record.facts.parts.python
    return (
        f"With the packages of `uv.lock` and Python {python}. The run gives the digests above; on another "
        "processor the last bits of the model, and therefore its digest, can differ."
    )


def headline(metric: str, part: Slice) -> str:
    """The metric that is shown for a slice: the review's, or the slice's first."""
    names = [each.name for each in part.metrics]
    return metric if metric in names or not names else names[0]


def value(found: Interval | None) -> str:
    return "–" if found is None or not math.isfinite(found.value) else f"{found.value:.4f}"


def interval(found: Interval | None) -> str:
    if found is None or found.low is None or found.high is None:
        return "–"
    return f"[{found.low:.4f}, {found.high:.4f}]"


def cell(text: object) -> str:
    """Escaped text from data or from a person, which cannot break a table or the page."""
    escaped = " ".join(str(text).split())
    for mark in ("\\", "|", "<", ">", "`", "*", "[", "]"):
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped
