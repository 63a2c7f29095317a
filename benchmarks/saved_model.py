"""A SavedModel for `benchmarks.frameworks`: a Keras network with lookups and scaling, of a project's last frame.

python -m benchmarks.saved_model src/flights/saved_model 2
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mainline.config import loader
from mainline.training import pipeline


def write(folder: Path, epochs: int) -> None:
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    settings = loader.load(Path("params.yaml")).settings
    frame = max(Path(".mainline/frames").glob("*.parquet"), key=lambda file: file.stat().st_mtime)
    rows = pipeline.training_rows(settings, frame)
    features = settings.prepare.features
    target, classes = pipeline.encode(settings.task, rows[settings.prepare.label], known=None)
    inputs: dict[str, Any] = {}
    parts = []
    for name in features.categorical:
        known = sorted(rows[name].dropna().unique().tolist())
        inputs[name] = keras.Input((1,), dtype="string", name=name)
        parts.append(keras.layers.StringLookup(vocabulary=known, output_mode="one_hot")(inputs[name]))
    for name in features.numeric:
        values = rows[name].to_numpy(dtype=np.float64)
        inputs[name] = keras.Input((1,), name=name)
        scale = 1 / (float(np.nanstd(values)) or 1.0)
        scaled = keras.layers.Rescaling(scale, offset=-float(np.nanmean(values)) * scale)(inputs[name])
        parts.append(keras.ops.where(keras.ops.isnan(scaled), 0.0, scaled))
    found = keras.layers.Concatenate()(parts)
    for width in (128, 64):
        found = keras.layers.Dense(width, activation="relu")(found)
    model = keras.Model(inputs, keras.layers.Dense(len(classes), activation="softmax")(found))
    model.compile(optimizer=keras.optimizers.Adam(0.002), loss="sparse_categorical_crossentropy")
    given = {name: rows[name].fillna("").to_numpy(dtype=str)[:, None] for name in features.categorical}
    given |= {name: rows[name].to_numpy(dtype=np.float32)[:, None] for name in features.numeric}
    import tensorflow

    data = tensorflow.data.Dataset.from_tensor_slices((given, target)).shuffle(10_000, seed=0).batch(256)
    model.fit(data, epochs=epochs, verbose=0, shuffle=False)
    model.export(str(folder), verbose=False)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
