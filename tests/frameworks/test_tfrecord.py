"""TFRecord files between TensorFlow itself and Mainline, both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from mainline.data.sources import tf_example, tfrecord

pytestmark = pytest.mark.slow

pytest.importorskip("tensorflow", reason="Keras and TensorFlow are not installed: make test-frameworks")

ROWS = [{"shop": "Zürich".encode(), "pages": -3, "minutes": 1.5}, {"shop": None, "pages": 2**40, "minutes": None}]


def test_tensorflow_reads_what_is_written_and_its_files_are_read(tmp_path: Path) -> None:
    import tensorflow as tf

    ours = tmp_path / "ours.tfrecord"
    ours.write_bytes(b"".join(tf_example.framed(tf_example.encoded(row), "a test") for row in ROWS))
    examples = [tf.train.Example.FromString(each.numpy()) for each in tf.data.TFRecordDataset(str(ours))]
    assert [dict(each.features.feature)["pages"].int64_list.value[0] for each in examples] == [-3, 2**40]
    assert not examples[1].features.feature["shop"].WhichOneof("kind")

    theirs = tmp_path / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(theirs), "GZIP") as writer:
        for each in examples:
            writer.write(each.SerializeToString())
    assert [row for part in tfrecord.parts(theirs, "a test") for row in part] == ROWS
