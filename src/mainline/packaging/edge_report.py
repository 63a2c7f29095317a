"""`reports/edge.md` and `edge.json`: the variants of an export for small devices, and which one was taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mainline.evaluation import formatting
from mainline.packaging.edge import Edge
from mainline.packaging.variants import Variant
from mainline.report.escape import prose
from mainline.runtime.atomic_files import write_text


def markdown(edge: Edge) -> str:
    names = [metric.name for metric in edge.variants[0].metrics]
    titles = [formatting.metric_name(name) for name in names]
    head = ["model", "size", "one row", "largest difference", *titles, "used"]
    rows = len(names) + 6
    lines = [
        f"## Export for small devices: {edge.chosen.name}, {formatting.size(edge.ort_bytes)} as `model.ort`",
        "",
        f"Each variant answered {edge.chosen.rows:,} holdout rows, each alone and among the others. All are "
        "compared with the fitted pipeline, on the same rows.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * rows}",
        *(f"| {' | '.join(cells(variant, edge.chosen))} |" for variant in edge.variants),
        "",
        *(f"- {prose(each)}" for each in edge.missing),
    ]
    return "\n".join(lines).rstrip() + "\n"


def cells(variant: Variant, chosen: Variant) -> list[str]:
    differences = [formatting.difference(metric.delta) if metric.delta else "–" for metric in variant.metrics]
    used = "✓" if variant is chosen else f"✗ {prose(variant.refused)}" if variant.refused else "larger"
    size, latency = formatting.size(len(variant.model)), f"{variant.microseconds:.0f} µs"
    return [prose(variant.name), size, latency, f"{variant.largest:.2g}", *differences, used]


def content(edge: Edge) -> dict[str, Any]:
    return {
        "digest": edge.signature.digest,
        "fingerprint": edge.signature.fingerprint,
        "used": edge.chosen.name,
        "ort_bytes": edge.ort_bytes,
        "missing": edge.missing,
        "variants": [
            {
                "name": variant.name,
                "bytes": len(variant.model),
                "rows": variant.rows,
                "largest_difference": variant.largest,
                "alone_or_among_others": variant.alone,
                "microseconds": round(variant.microseconds, 1),
                "refused": variant.refused,
                "metrics": {
                    metric.name: {
                        "value": metric.candidate.value,
                        "delta": metric.delta.value if metric.delta else None,
                        "low": metric.delta.low if metric.delta else None,
                        "high": metric.delta.high if metric.delta else None,
                    }
                    for metric in variant.metrics
                },
            }
            for variant in edge.variants
        ],
    }


def write(edge: Edge, folder: Path) -> Path:
    write_text(folder / "edge.md", markdown(edge))
    write_text(folder / "edge.json", json.dumps(content(edge), indent=2) + "\n")
    return folder / "edge.md"
