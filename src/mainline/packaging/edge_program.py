"""Answer rows without a server: `python predict.py rows.json`.

It needs onnxruntime and numpy, and the files `model.ort` and `serving.json` next to it.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def answers(rows: list[dict[str, Any]], folder: Path) -> list[Any]:
    """The answers for rows by column name, in which null is a missing value."""
    columns = json.loads((folder / "serving.json").read_text(encoding="utf-8"))["columns"]
    session = onnxruntime.InferenceSession(str(folder / "model.ort"), providers=["CPUExecutionProvider"])
    for column, row in ((column, row) for column in columns for row in rows):
        kind = str if column["kind"] == "categorical" else (int, float)
        if not (column["nullable"] if row[column["name"]] is None else isinstance(row[column["name"]], kind)):
            raise ValueError(
                f"{column['name']}: {row[column['name']]!r} is not a value of this {column['kind']} column"
            )
    inputs = {}
    for given in session.get_inputs():
        missing, dtype = ("\0missing", object) if given.name == "categorical" else (math.nan, np.float32)
        names = [column["name"] for column in columns if column["kind"] == given.name]
        values = [[missing if row[name] is None else row[name] for name in names] for row in rows]
        inputs[given.name] = np.array(values, dtype=dtype)
    found: list[Any] = session.run(None, inputs)[-1].tolist()
    return found


if __name__ == "__main__":
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps(answers(asked, Path(__file__).parent)))
