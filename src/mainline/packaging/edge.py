"""The export for small devices: the smallest graph that may be used, in ONNX Runtime's own format too.

The folder answers without the server: `predict.py` needs onnxruntime and numpy alone.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mainline.config.schema import Settings
from mainline.data.split import sides
from mainline.errors import Refused
from mainline.packaging import agreement, edge_readme, export, variants
from mainline.packaging.answer_scale import scale_of
from mainline.packaging.variants import Variant
from mainline.runtime.atomic_files import replacing_folder, write_text
from mainline.serving.scorer import Onnx
from mainline.serving.signature import Agreement, Signature, write
from mainline.training.pipeline import read_rows
from mainline.training.record import Record

if TYPE_CHECKING:
    import pandas as pd

PROGRAM = Path(__file__).with_name("edge_program.py")


@dataclass(frozen=True)
class Edge:
    """What was written; `missing` says in words which variants there are not."""

    signature: Signature
    variants: list[Variant]
    chosen: Variant
    ort_bytes: int
    missing: list[str]


def export_for_edge(settings: Settings, record: Record, frame: Path, folder: Path, version: str | None = None) -> Edge:
    """Write `model.onnx`, `model.ort`, `serving.json`, `README.md`, `predict.py` and `example.json` to `folder`.

    Raises
    ------
    Refused
        Where the model has no ONNX graph that agrees with it, or its form in ONNX Runtime's format answers otherwise.
    """
    rows = read_rows(settings, frame, sides(settings).holdout)
    with tempfile.TemporaryDirectory() as name:
        plain = export.export(settings, record, frame, Path(name) / "model", version)
        if plain.engine != "onnx":
            raise Refused(
                f"there is no export for small devices, since the fitted pipeline is served as it is: {plain.note}"
            )
        model = (Path(name) / "model" / plain.file).read_bytes()
    made, missing = variants.tried(settings, plain, record, rows, model)
    chosen = variants.smallest(made)
    ort = to_ort(chosen.model)
    check_equal(plain, chosen, ort, rows)
    shown = agreement.with_fewest_missing(rows, plain.names)
    signature = export.replace(
        plain,
        digest=hashlib.sha256(chosen.model).hexdigest(),
        agreement=Agreement(chosen.rows, chosen.largest),
        answers=Onnx(ort, plain)(*agreement.matrices(plain, shown)).tolist(),
    )
    with replacing_folder(folder) as unfinished:
        (unfinished / signature.file).write_bytes(chosen.model)
        (unfinished / "model.ort").write_bytes(ort)
        write(signature, unfinished)
        example = [dict(zip(signature.names, row, strict=True)) for row in signature.example]
        write_text(unfinished / "example.json", json.dumps(example, indent=1, ensure_ascii=False) + "\n")
        write_text(unfinished / "predict.py", PROGRAM.read_text(encoding="utf-8"))
        write_text(unfinished / "README.md", edge_readme.readme(signature))
    return Edge(signature, made, chosen, len(ort), missing)


def to_ort(model: bytes) -> bytes:
    """A graph in ONNX Runtime's own format, optimised by what every processor has, or as it is where that is smaller.

    The optimisation computes what is constant, and so makes 8-bit weights 32-bit ones again.
    """
    from onnxruntime import GraphOptimizationLevel

    levels = (GraphOptimizationLevel.ORT_ENABLE_BASIC, GraphOptimizationLevel.ORT_DISABLE_ALL)
    return min((saved(model, level) for level in levels), key=len)


def saved(model: bytes, level: Any) -> bytes:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.ort"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.optimized_model_filepath = str(file)
        options.add_session_config_entry("session.save_model_format", "ORT")
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return file.read_bytes()


def check_equal(signature: Signature, chosen: Variant, ort: bytes, rows: pd.DataFrame) -> None:
    import numpy as np

    asked = agreement.matrices(signature, rows)
    before, after = (Onnx(model, signature)(*asked) for model in (chosen.model, ort))
    largest = float(np.abs(before - after).max()) / scale_of(signature.task, before)
    if not largest <= agreement.TOLERANCE:
        raise Refused(f"in ONNX Runtime's format the graph answers otherwise, by up to {largest:.2g}")
