"""The examples of docs/sources.md, run as they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mainline.config.schema import Data
from mainline.data.collect import collect
from tests.projects import TOP
from tests.servers import Site, put, s3, site
from tests.tables import hourly

__all__ = ["s3", "site"]
pytestmark = pytest.mark.slow

SECTION = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"^```(python|yaml)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def sections() -> dict[str, list[tuple[str, str]]]:
    page = (TOP / "docs" / "sources.md").read_text(encoding="utf-8")
    return {match["title"]: BLOCK.findall(match["text"]) for match in SECTION.finditer(page)}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Run a section's Python, then collect its sources; returns the number of rows by table."""

    def run(title: str, **replaced: str) -> dict[str, int]:
        monkeypatch.chdir(tmp_path)
        found: dict[str, int] = {}
        names: dict[str, object] = {}  # what a block made lives on: a broker, for one
        for language, text in sorted(sections()[title]):  # the Python first
            for old, new in replaced.items():
                text = text.replace({"server": "http://127.0.0.1:8123"}.get(old, old), new)
            if language == "python":
                exec(text, names)
            else:
                data = Data(until="2026-02-01", **yaml.safe_load(text))
                found |= {name: table.rows for name, table in collect(data, tmp_path, tmp_path / ".cache").items()}
        return found

    return run


def test_the_example_of_an_api_runs(site: Site, runs, tmp_path: Path) -> None:
    site.folder.rmdir()
    site.folder.symlink_to(tmp_path)
    assert runs("APIs", server=site.url) == {"rates": 28}


def test_the_example_of_dvc_runs(runs) -> None:
    assert runs("DVC") == {"visits": 2}


def test_the_examples_of_delta_and_iceberg_run(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("deltalake", reason="deltalake is not installed: make install GROUPS=delta")
    catalogs = pytest.importorskip("pyiceberg.catalog", reason="make install GROUPS=iceberg")
    load = catalogs.load_catalog

    def loaded(name: str) -> object:
        monkeypatch.setattr(catalogs, "_ENV_CONFIG", catalogs.Config())  # a process reads it once, when it starts
        return load(name)

    monkeypatch.setattr(catalogs, "load_catalog", loaded)
    assert runs("Delta and Iceberg") == {"orders": 10, "sales": 10}


def test_the_example_of_lakefs_runs_on_an_s3_server(s3: str, runs, tmp_path: Path) -> None:
    import fsspec

    fsspec.filesystem("s3", skip_instance_cache=True).mkdir("s3://repository")
    put("s3://repository/7ac3f1c0/orders/01.parquet", hourly(tmp_path / "a.parquet", "2026-01-01").read_bytes())
    assert runs("lakeFS") == {"orders": 24}


def test_the_example_of_databases_runs(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "")  # so that it is taken back
    assert runs("Databases") == {"visits": 7}


def test_the_example_of_streams_runs(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("confluent_kafka", reason="Kafka's client is not installed: make install GROUPS=kafka")
    monkeypatch.setenv("BROKERS", "")  # so that it is taken back
    assert runs("Streams") == {"clicks": 10}
