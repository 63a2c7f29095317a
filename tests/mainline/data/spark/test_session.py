"""What is said where Spark, Java or the cluster is not there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainline.config import loader
from mainline.config.schema import Settings
from mainline.data.spark import session
from mainline.errors import ConfigurationError, DataError, ExternalError
from tests.projects import EXAMPLE
from tests.servers import free_port


@pytest.fixture
def settings() -> Settings:
    return loader.load(EXAMPLE).settings


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    session.checked_java.cache_clear()
    yield
    session.checked_java.cache_clear()


def test_a_missing_spark_is_named_with_the_command_that_brings_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ConfigurationError, match=r"data.engine: spark: .*`make tools WITH=spark`"):
        session.running(settings).__enter__()


def test_a_missing_or_old_java_is_named_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"there is no java in JAVA_HOME .*openjdk-17-jre-headless"):
        session.checked_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="there is no java on the PATH: install Java 17"):
        session.checked_java()
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    with pytest.raises(ConfigurationError, match=r"java is Java 11: install Java 17"):
        session.checked_java()


def test_a_server_that_does_not_answer_is_named_without_its_token() -> None:
    port = free_port()
    with pytest.raises(ExternalError, match=f"no Spark Connect server answers at 127.0.0.1:{port} ") as error:
        session.reachable(f"sc://127.0.0.1:{port}/;token=geheim")
    assert "geheim" not in str(error.value)
    for wrong in ("spark://127.0.0.1:7077", "sc://", "sc://host:port"):
        with pytest.raises(ConfigurationError, match="is no address of Spark Connect, such as sc://"):
            session.reachable(wrong)


def test_what_changes_results_is_no_setting(settings: Settings) -> None:
    spark = settings.data.spark.model_copy(update={"conf": {"spark.sql.session.timeZone": "Europe/Rome"}})
    wrong = settings.model_copy(update={"data": settings.data.model_copy(update={"spark": spark})})
    with pytest.raises(ConfigurationError, match=r"data.spark.conf: spark.sql.session.timeZone .* always UTC"):
        session.running(wrong).__enter__()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012", DataError),
        ("[UNRESOLVED_ROUTINE] Cannot resolve routine `x`. SQLSTATE: 42883", ConfigurationError),
        ("[PATH_NOT_FOUND] Path does not exist: file:/x. SQLSTATE: 42K03", ExternalError),
        ("Job aborted due to stage failure: java.io.IOException: No space left on device", ExternalError),
        ("Job aborted: something else", ExternalError),
    ],
)
def test_what_spark_says_has_the_right_exit_status(settings: Settings, said: str, kind: type[Exception]) -> None:
    found = session.failure(settings, "", "", f"An error occurred.\n: org.apache.spark.SparkException: {said}\n\tat x")
    assert type(found) is kind
    assert said.split(". SQLSTATE")[0].split(": java")[0].split("Job")[-1] in str(found)
