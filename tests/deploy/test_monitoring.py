"""The alerts, held against promtool: each fires on what it is for, and on nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bounds import HANG
from tests.exports import make
from tests.mainline.serving.conftest import started
from tests.projects import TOP
from tests.servers import prometheus, promtool

__all__ = ["prometheus", "promtool"]

pytestmark = pytest.mark.slow

FOLDER = TOP / "deploy" / "monitoring"
ALERTS = FOLDER / "alerts.yaml"

QUIET = {
    "mainline_start_time_seconds": "1x60",
    'mainline_requests_total{status="200"}': "0+600x60",
    'mainline_requests_total{status="503"}': "0+1x60",
    'mainline_request_seconds_bucket{le="0.1"}': "0+600x60",
    'mainline_request_seconds_bucket{le="0.5"}': "0+601x60",
    'mainline_request_seconds_bucket{le="+Inf"}': "0+601x60",
    'mainline_rejected_total{reason="type"}': "0+1x60",
    'mainline_log_dropped_total{reason="disk"}': "0x60",
    'mainline_model_info{version="1",digest="a"}': "1x60",
}
CASES: dict[str, dict[str, str]] = {
    "MainlineDown": {"mainline_start_time_seconds": "_x60"},
    "MainlineErrors": {'mainline_requests_total{status="503"}': "0+30x60"},
    "MainlineSlow": {'mainline_request_seconds_bucket{le="0.1"}': "0+300x60"},
    "MainlineRejected": {'mainline_rejected_total{reason="type"}': "0+100x60"},
    "MainlineLogDropped": {'mainline_log_dropped_total{reason="disk"}': "0+5x60"},
    "MainlineSeveralModels": {'mainline_model_info{version="2",digest="b"}': "1x60"},
}


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def test_every_alert_has_a_case_and_a_paragraph_for_its_reader() -> None:
    assert set(CASES) == set(alerts())
    operate = (TOP / "docs" / "operate.md").read_text()
    assert [name for name in CASES if name not in operate] == []


@pytest.mark.parametrize("wanted", [None, *CASES])
def test_an_alert_fires_on_what_it_is_for_and_no_other_does(promtool: str, tmp_path: Path, wanted: str | None) -> None:
    series = {**QUIET, **(CASES[wanted] if wanted else {})}
    expected = []
    for name, rule in alerts().items():
        fired: list[dict[str, Any]] = []
        if name == wanted:
            summary, labels = rule["annotations"]["summary"], dict(rule["labels"])
            if name == "MainlineLogDropped":
                summary, labels = summary.replace("{{ $labels.reason }}", "disk"), {**labels, "reason": "disk"}
            fired = [{"exp_labels": labels, "exp_annotations": {"summary": summary}}]
        expected.append({"eval_time": "55m", "alertname": name, "exp_alerts": fired})
    case = {"interval": "1m", "input_series": [{"series": s, "values": v} for s, v in series.items()]}
    test = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [{**case, "alert_rule_test": expected}]}
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    done = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_asks_only_for_what_prometheus_understands(promtool: str, tmp_path: Path) -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    rules = [{"record": f"panel_{n}", "expr": expr} for n, expr in enumerate(asked)]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_real_prometheus_finds_every_metric_of_the_dashboard_and_of_the_alerts_at_a_real_server(
    prometheus: Callable[[int, Path], str], tmp_path: Path
) -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    named = set(re.findall(r"mainline_\w+", " ".join([*asked, *(rule["expr"] for rule in alerts().values())])))
    exported = make(tmp_path / "model")
    row = {"shop": "north", "device": "desk", "minutes": 3.0, "pages": 4.0}
    with started(exported.folder, LOG=tmp_path / "log") as server:
        assert server.post({"dataframe_records": [row]}).status == 200
        assert server.post({"dataframe_records": [{"shop": "north"}]}).status == 400
        url = prometheus(server.port, ALERTS)
        until = time.monotonic() + HANG
        while missing := named - set(ask(url, "label/__name__/values")):
            assert time.monotonic() < until, f"no such metric at the server: {sorted(missing)}"
            time.sleep(0.2)
        for expression in asked:
            ask(url, f"query?query={urllib.parse.quote(expression)}")
        # Fresh from its start, with one answer and one refusal, nothing burns yet.
        assert [
            alert["labels"]["alertname"] for alert in ask(url, "alerts")["alerts"] if alert["state"] == "firing"
        ] == []
        assert len(ask(url, "rules")["groups"][0]["rules"]) == len(CASES)


def ask(url: str, what: str) -> Any:
    with urllib.request.urlopen(f"{url}/api/v1/{what}", timeout=HANG) as answer:
        found = json.load(answer)
    assert found["status"] == "success", found
    return found["data"]
