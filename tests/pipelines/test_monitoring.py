"""The monitor on the shop: from a log as the server writes it to a verdict; whatever is wrong with it is named."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from mainline.config.schema import Labels, Settings, Source
from mainline.errors import ConfigurationError
from mainline.monitoring import labels
from mainline.monitoring.results import Cause, Health, Verdict
from mainline.training import train
from pipelines import monitoring
from tests.mainline.monitoring import logs
from tests.mainline.monitoring.shops import LINEAR, NO_GATES, NOW, TASKS, Shop, outcomes, shop
from tests.mainline.settings import params
from tests.servers import put, s3

__all__ = ["s3"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def rows(store: Shop) -> pd.DataFrame:
    return store.new()


@pytest.fixture(scope="module")
def log(store: Shop, rows: pd.DataFrame) -> pd.DataFrame:
    return store.log(rows)


def problems(found: Health) -> str:
    return " | ".join([*found.reasons, *found.notes])


def figures(found: Health) -> dict[str, list[float]]:
    """What was reached, without the last bits: sums are added up in any order."""
    bounds = {name: (value.value, value.low or 0.0, value.high or 0.0) for name, value in found.reached.items()}
    return {name: [round(bound, 9) for bound in value] for name, value in bounds.items()}


def states(found: Health) -> dict[str, str]:
    return {check.name: check.verdict.value for check in found.checks}


@pytest.mark.slow
def test_visits_like_those_of_training_are_no_reason_to_worry(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    found = store.watch(tmp_path, log, logs.feedback(log, rows["bought"]))
    assert found.verdict == Verdict.ok, found.reasons
    assert states(found)["decay"] == "ok"
    assert found.labels
    assert found.labels.joined == found.window.rows == 2000
    assert found.window.versions == {store.record.fingerprint[:12]: 2000}
    monitoring.report(store.workspace, found)
    page = (store.workspace.reports / "monitor.html").read_text()
    assert page.count("<svg") >= 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page
    assert "No problem detected" in (store.workspace.reports / "monitor.md").read_text()


@pytest.mark.slow
def test_without_labels_the_performance_is_estimated_and_no_fault_is_found(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    found = store.watch(tmp_path, log)
    assert found.verdict == Verdict.ok
    assert found.labels is None
    labelled = store.watch(tmp_path, log, logs.feedback(log, rows["bought"]))
    # The same rows: what is estimated without a label lies within what is measured with them.
    reached = labelled.reached["roc_auc"]
    assert reached.low is not None
    assert reached.high is not None
    assert reached.low < found.estimated["roc_auc"].value < reached.high


@pytest.mark.slow
def test_labels_that_no_longer_follow_the_inputs_are_reported_as_concept_drift(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    turned = np.random.default_rng(0).permutation(rows["bought"])
    found = store.watch(tmp_path, log, logs.feedback(log, turned))
    assert found.verdict == Verdict.decay
    assert found.decay
    assert found.decay.cause == Cause.aged
    assert "run a retraining" in found.decay.tells
    assert found.status == 1


@pytest.mark.slow
def test_rows_that_are_hard_to_tell_apart_are_reported_as_covariate_shift(
    store: Shop, log: pd.DataFrame, tmp_path: Path
) -> None:
    # Only visits that the model itself finds alike, with labels drawn from its own probabilities.
    many = store.log(store.new(6000, seed=8))
    score = np.stack(many["_prediction"])[:, 1]
    alike = many[(score > np.quantile(score, 0.4)) & (score < np.quantile(score, 0.6))].reset_index(drop=True)
    drawn = np.random.default_rng(0).uniform(size=len(alike)) < np.stack(alike["_prediction"])[:, 1]
    found = store.watch(tmp_path, alike, logs.feedback(alike, drawn))
    assert found.decay
    assert found.decay.cause == Cause.harder
    assert found.verdict == Verdict.decay


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_decay_is_found_in_every_task_and_not_where_there_is_none(task: str, tmp_path: Path) -> None:
    made = shop(tmp_path, *TASKS[task], NO_GATES, task=task)
    rows = made.new()
    log = made.log(rows)
    label = pd.Series(outcomes(rows, seed=2)["size" if task == "multiclass" else "spent"])
    fine = made.watch(tmp_path / "log", log, logs.feedback(log, label))
    assert fine.verdict == Verdict.ok, fine.reasons
    turned = np.random.default_rng(0).permutation(label)
    aged = made.watch(tmp_path / "log", log, logs.feedback(log, turned))
    assert aged.verdict == Verdict.decay
    assert aged.decay
    assert aged.decay.cause == (Cause.aged if task == "multiclass" else Cause.unknown)


@pytest.mark.slow
def test_labels_come_from_a_source_as_it_stands_at_that_time(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    table = pd.DataFrame({"visit": rows["visit"], "minutes_spent": np.where(rows["bought"], 20, 2)})
    table["known_at"] = rows["at"] + pd.Timedelta(days=1)
    table.to_parquet(store.project.path("data/later.parquet"), index=False, coerce_timestamps="us")
    sources = {**store.settings.data.sources, "later": Source(path="data/later.parquet", time="known_at")}
    settings = store.settings.model_copy(
        update={
            "data": store.settings.data.model_copy(update={"sources": sources}),
            "monitor": store.settings.monitor.model_copy(
                update={"labels": Labels(source="later", value="minutes_spent > 10")}
            ),
        }
    )
    logs.write(log, tmp_path / "predictions" / "one.parquet")
    whole = store.judge(tmp_path, settings)
    assert whole.verdict == Verdict.ok, whole.reasons
    assert whole.labels
    assert whole.labels.joined == 2000
    # Those of the last day are not known yet, a day after the others.
    half = then(store, settings, log, tmp_path / "half", 1000)
    assert half.labels
    assert 0 < half.labels.joined < half.window.rows
    before = then(store, settings, log, tmp_path / "before", 300)
    assert before.verdict == Verdict.not_measurable
    assert "with a label" in problems(before)


def then(store: Shop, settings: Settings, log: pd.DataFrame, folder: Path, rows: int) -> Health:
    """The log as it was after so many rows, judged at that moment."""
    logs.write(log.head(rows), folder / "predictions" / "one.parquet")
    return store.judge(folder, settings, now=log["_time"].iloc[rows - 1].to_pydatetime())


@pytest.mark.slow
def test_an_empty_window_does_not_pass(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    found = store.watch(tmp_path, log.head(0))
    assert found.verdict == Verdict.not_measurable
    assert "no row" in problems(found)
    (tmp_path / "nothing" / "predictions").mkdir(parents=True)
    assert store.judge(tmp_path / "nothing").verdict == Verdict.not_measurable
    with pytest.raises(ConfigurationError, match=r"monitor\.log"):
        store.judge(tmp_path / "nowhere")


@pytest.mark.slow
def test_one_row_is_not_measurable(store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    found = store.watch(tmp_path, log.head(1), logs.feedback(log.head(1), rows["bought"].head(1)))
    assert found.verdict == Verdict.not_measurable
    assert found.status == 1
    assert "1 rows" in problems(found)


def test_a_version_that_no_registry_knows_is_named(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    found = store.watch(tmp_path, log.assign(_model_digest="feedbeef" * 8, _version="77"))
    assert found.verdict == Verdict.not_measurable
    assert "version 77, model feedbeef" in problems(found)


@pytest.mark.slow
def test_logs_of_several_versions_are_kept_apart(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    stranger = log.head(1000).assign(_model_digest="feedbeef" * 8, _version="77", _request="other")
    found = store.watch(tmp_path, pd.concat([log, stranger]))
    assert found.verdict == Verdict.invalid
    assert "1,000 rows are from version 77" in problems(found)
    assert found.window.rows == 2000
    assert found.window.versions == {store.record.fingerprint[:12]: 2000, "77": 1000}


@pytest.mark.slow
def test_rows_from_the_future_are_reported_as_clock_skew(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    skewed = log.copy()
    skewed.loc[:9, "_time"] += pd.Timedelta(days=365)
    found = store.watch(tmp_path, skewed)
    assert found.verdict == Verdict.invalid
    assert found.status == 3
    assert "10 rows are from the future" in problems(found)
    assert found.window.rows == 1990


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["middle", "cut", "empty", "text"])
def test_a_file_that_is_corrupt_is_named_and_the_others_count(
    store: Shop, log: pd.DataFrame, tmp_path: Path, damage: str
) -> None:
    good = tmp_path / "predictions" / "good.parquet"
    logs.write(log, good)
    content = bytearray(good.read_bytes())
    middle = len(content) // 3
    if damage == "middle":
        content[middle : middle + 4000] = b"\xff" * 4000
    torn = {"middle": content, "cut": content[:middle], "empty": b"", "text": b"no parquet\n" * 50}[damage]
    (tmp_path / "predictions" / "torn.parquet").write_bytes(torn)
    found = store.judge(tmp_path)
    assert found.verdict == Verdict.invalid
    assert "torn.parquet" in problems(found)
    assert "good.parquet" not in problems(found)
    assert found.window.rows == 2000


@pytest.mark.slow
def test_a_column_that_is_gone_or_has_another_type_is_named(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    found = store.watch(tmp_path, log.drop(columns="pages").assign(minutes="twelve"))
    assert found.verdict == Verdict.invalid
    assert "lacks the column pages" in problems(found)
    assert "2,000 values of minutes are not numbers" in problems(found)


@pytest.mark.slow
def test_a_schema_that_changed_between_versions_is_noted_and_within_one_is_invalid(
    store: Shop, log: pd.DataFrame, tmp_path: Path
) -> None:
    logs.write(log, tmp_path / "predictions" / "2.parquet")
    older = log.head(500).drop(columns="pages").assign(_model_digest="0ld" * 21, _version="old")
    older["_time"] -= pd.Timedelta(days=60)
    logs.write(older, tmp_path / "predictions" / "1.parquet")
    noted = store.judge(tmp_path)
    assert noted.verdict == Verdict.ok, noted.reasons
    assert "between versions old and" in problems(noted)
    assert "pages is new" in problems(noted)
    same = older.assign(_model_digest=store.record.digest, _version=store.record.fingerprint[:12], _request="older")
    logs.write(same, tmp_path / "predictions" / "1.parquet")
    found = store.judge(tmp_path)
    assert found.verdict == Verdict.invalid
    assert "within version" in problems(found)


@pytest.mark.slow
def test_a_file_of_another_kind_is_named(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    logs.write(log.drop(columns="_prediction"), tmp_path / "predictions" / "0.parquet")
    found = store.watch(tmp_path, log)
    assert found.verdict == Verdict.invalid
    assert "0.parquet lacks the column _prediction" in problems(found)
    assert found.window.rows == 2000


@pytest.mark.slow
def test_answers_of_another_shape_are_named(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    odd = log.copy()
    odd["_prediction"] = [p if n > 10 else np.array([0.5]) for n, p in enumerate(log["_prediction"])]
    found = store.watch(tmp_path, odd)
    assert found.verdict == Verdict.invalid
    assert "11 predictions do not have 2 values" in problems(found)


@pytest.mark.slow
def test_requests_that_are_there_twice_are_named(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    found = store.watch(tmp_path, pd.concat([log, log.head(5)]))
    assert found.verdict == Verdict.invalid
    assert "5 rows repeat" in problems(found)


@pytest.mark.slow
@pytest.mark.parametrize("at_a_time", [4_000_000, 300])
def test_labels_repeated_corrected_contradicting_and_unknown_are_counted(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(labels, "PART_ROWS", at_a_time)
    bought = rows["bought"]
    said = logs.feedback(log, bought)
    again = said.iloc[:4]
    later = logs.feedback(log.iloc[10:15], ~bought.iloc[10:15], dt.timedelta(days=2))
    contrary = logs.feedback(log.iloc[20:23], ~bought.iloc[20:23])
    unknown = said.iloc[:2].assign(_request=["nobody-1", "nobody-2"])
    found = store.watch(tmp_path, log, pd.concat([said, again, later, contrary, unknown])).labels
    assert found
    assert found.repeated == 4
    assert found.corrected == 5
    assert found.contradicting == 3
    assert found.unknown == 2
    assert found.joined == 1997
    judged = store.judge(tmp_path)
    assert judged.verdict == Verdict.invalid
    assert "3 rows have two labels of the same time" in problems(judged)
    assert "2 labels belong to rows that are not in the log" in problems(judged)


@pytest.mark.slow
def test_the_last_label_counts(store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    wrong = logs.feedback(log, ~rows["bought"])
    right = logs.feedback(log, rows["bought"], dt.timedelta(days=2))
    found = store.watch(tmp_path, log, pd.concat([right, wrong]))
    alone = store.watch(tmp_path / "alone", log, right)
    assert figures(found) == figures(alone)
    assert found.labels
    assert found.labels.corrected == 2000


@pytest.mark.slow
def test_labels_by_key_are_those_by_request(store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path) -> None:
    by_request = store.watch(tmp_path / "request", log, logs.feedback(log, rows["bought"]))
    nameless = logs.feedback(log, rows["bought"]).assign(_request=None, visit=log["visit"])
    nameless["_request"] = nameless["_request"].astype("str").where(lambda s: s != "None", None)
    stranger = nameless.head(1).assign(visit="999999999")
    by_key = store.watch(tmp_path / "key", log, pd.concat([nameless, stranger]))
    assert figures(by_key) == figures(by_request)
    assert by_key.labels
    assert by_key.labels.joined == 2000
    assert by_key.labels.unknown == 1


@pytest.mark.slow
def test_a_label_that_is_none_of_the_models_is_named(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    said = logs.feedback(log, rows["bought"])
    said.loc[:2, "_label"] = ['"perhaps"', "{", "7"]
    found = store.watch(tmp_path, log, said)
    assert found.verdict == Verdict.invalid
    assert "3 labels are not classes of the model" in problems(found)
    assert found.labels
    assert found.labels.joined == 1997


@pytest.mark.slow
def test_an_expectation_of_training_that_a_row_breaks_makes_the_window_invalid(
    store: Shop, log: pd.DataFrame, tmp_path: Path
) -> None:
    torn = log.copy()
    torn.loc[:2, "minutes"] = np.nan
    found = store.watch(tmp_path, torn)
    assert found.verdict == Verdict.invalid
    assert states(found)["expectation of minutes"] == "invalid"
    assert "3 rows violate it" in problems(found)


@pytest.mark.slow
def test_slices_with_too_few_rows_are_listed_without_a_metric(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    seldom = log.copy()
    seldom.loc[:20, "shop"] = "island"
    found = store.watch(tmp_path, seldom, logs.feedback(log, rows["bought"]))
    measured = {piece.value: piece.metrics for piece in found.slices}
    assert measured["island"] == {}
    assert measured["north"]["roc_auc"].low is not None
    assert states(found)["new values in shop"] == "drift"


@pytest.mark.slow
def test_a_slice_that_is_no_feature_is_monitored_where_it_is_logged(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    asked = params(*LINEAR, ("slices: [shop]", "slices: [shop, region]")).settings
    west = log.assign(region=np.where(np.arange(len(log)) % 2, "west", "east"))
    logs.write(west, tmp_path / "predictions" / "one.parquet")
    logs.write(logs.feedback(log, rows["bought"]), tmp_path / "feedback" / "one.parquet")
    found = store.judge(tmp_path, asked)
    measured = {piece.value: piece.metrics for piece in found.slices if piece.column == "region"}
    assert set(measured) == {"east", "west"}
    assert measured["west"]["roc_auc"].low is not None


@pytest.mark.slow
def test_the_page_escapes_what_a_caller_wrote(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    found = store.watch(
        tmp_path, pd.concat([log, log.head(300).assign(_model_digest=evil, _version=evil, _request="x")])
    )
    monitoring.report(store.workspace, found)
    assert "<script" not in (store.workspace.reports / "monitor.html").read_text()
    assert "<script" not in (store.workspace.reports / "monitor.md").read_text()


@pytest.mark.slow
def test_a_record_of_old_has_no_interval_and_does_not_pass_for_one_that_has(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path
) -> None:
    old = shop(tmp_path / "old")
    path = old.record.path / "rows.npz"
    with np.load(path) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "block"}
    np.savez(path, **kept)  # type: ignore[arg-type]
    found = old.watch(tmp_path / "log", old.log(rows), logs.feedback(log, rows["bought"]))
    assert found.verdict == Verdict.not_measurable
    assert "old record" in problems(found)


MEASURED = [
    ("binary", "average_precision"),
    ("binary", "f1"),
    ("multiclass", "macro_f1"),
    ("regression", "median_absolute_error"),
    ("regression", "mape"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "metric"), MEASURED)
def test_every_metric_that_can_be_compared_can_be_monitored(task: str, metric: str, tmp_path: Path) -> None:
    """Also those that sums by day cannot give: the value is that of the rows themselves."""
    was = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "rmse"}[task]
    other = (f"  metric: {was}\n  blocks", f"  metric: {metric}\n  blocks")
    made = shop(tmp_path, *TASKS.get(task, ()), NO_GATES, other, task=task)
    rows = made.new(1500)
    log = made.log(rows)
    truth = rows["bought"] if task == "binary" else outcomes(rows)["size" if task == "multiclass" else "spent"]
    found = made.watch(tmp_path / "log", log, logs.feedback(log, truth))
    assert found.decay is not None
    assert (found.decay.metric, states(found)["decay"]) == (metric, "ok"), found.reasons
    score = np.vstack(log["_prediction"].to_numpy())
    y = np.asarray(truth, dtype=object if task == "multiclass" else float)
    if metric == "average_precision":
        assert found.reached[metric].value == pytest.approx(sklearn_metrics.average_precision_score(y, score[:, 1]))
    if metric == "median_absolute_error":
        assert found.reached[metric].value == pytest.approx(np.median(np.abs(y - score[:, 0])))
    assert found.daily
    north = next(piece for piece in found.slices if piece.value == "north")
    assert north.metrics[metric].low is not None
    if metric == "average_precision":
        assert found.decay.expected is not None
        assert found.decay.expected.value == pytest.approx(found.reached[metric].value, abs=0.08)


@pytest.mark.slow
def test_without_blocks_rows_are_blocks_and_the_monitor_can_say_ok(tmp_path: Path) -> None:
    plain = shop(tmp_path, ("  blocks: day\n", ""))
    rows = plain.new(1500)
    log = plain.log(rows)
    found = plain.watch(tmp_path / "log", log, logs.feedback(log, rows["bought"]))
    assert found.verdict == Verdict.ok, found.reasons
    assert found.promised["roc_auc"].low is not None
    assert len(found.daily) > 8, "the plot still shows days"
    worse = plain.watch(tmp_path / "worse", log, logs.feedback(log, rows["bought"].sample(frac=1, random_state=0)))
    assert states(worse)["decay"] == "decay"


@pytest.mark.slow
def test_blocks_that_are_set_later_take_effect_with_the_next_run_without_deleting_a_record(tmp_path: Path) -> None:
    made = shop(tmp_path, ("  blocks: day\n", ""))
    rows = made.new(1500)
    log = made.log(rows)
    with_days = params(*LINEAR).settings
    folder = tmp_path / "log"
    made.watch(folder, log, logs.feedback(log, rows["bought"]))
    before = made.judge(folder, with_days)
    assert "old record without the blocks of compare.blocks (make run adds them)" in problems(before)
    frame = tmp_path / "frame.parquet"
    renewed = train.with_blocks(with_days, made.workspace, made.record, frame)
    assert (renewed.digest, renewed.fingerprint) == (made.record.digest, made.record.fingerprint)
    assert train.with_blocks(with_days, made.workspace, renewed, frame) is renewed
    assert made.judge(folder, with_days).verdict == Verdict.ok
    trained = shop(tmp_path / "with")
    assert renewed.holdout.block is not None
    assert trained.record.holdout.block is not None
    np.testing.assert_array_equal(renewed.holdout.block, trained.record.holdout.block)


@pytest.mark.slow
def test_a_log_in_a_bucket_is_read_as_one_in_a_folder(
    store: Shop, log: pd.DataFrame, rows: pd.DataFrame, tmp_path: Path, s3: str
) -> None:
    here = store.watch(tmp_path, log, logs.feedback(log, rows["bought"]))
    for part in ("predictions", "feedback"):
        put(f"{s3}/log/{part}/one.parquet", (tmp_path / part / "one.parquet").read_bytes())
    there = monitoring.watched(store.settings, store.workspace, monitoring.Asked(log=f"{s3}/log", now=NOW))
    assert (there.verdict, there.window, there.labels) == (here.verdict, here.window, here.labels)
    assert figures(there) == figures(here) != {}
    nothing = monitoring.watched(store.settings, store.workspace, monitoring.Asked(log=f"{s3}/none", now=NOW))
    assert nothing.verdict == Verdict.not_measurable


@pytest.mark.slow
def test_the_verb_says_in_its_status_what_the_reports_say(store: Shop, log: pd.DataFrame, tmp_path: Path) -> None:
    now = ("--now", "2026-03-20T00:00:00+00:00")
    logs.write(log, tmp_path / "fine" / "predictions" / "one.parquet")
    logs.write(pd.concat([log, log.head(3)]), tmp_path / "torn" / "predictions" / "one.parquet")
    logs.write(log.assign(minutes=log["minutes"] * 4), tmp_path / "far" / "predictions" / "one.parquet")
    for name, status, verdict in (("fine", 0, "ok"), ("torn", 3, "invalid"), ("far", 1, "drift")):
        result = store.project.mainline("monitor", "--log", str(tmp_path / name), *now)
        assert result.status == status, result.out + result.err
        assert json.loads(store.project.path("reports/monitor.json").read_text())["verdict"] == verdict
    nowhere = store.project.mainline("monitor", "--log", "nowhere")
    assert nowhere.status == 2
    assert "monitor.log" in nowhere.err


@pytest.mark.slow
def test_what_ci_calls_is_the_same_monitor_whose_verdict_is_the_issues_to_tell(store: Shop, log: pd.DataFrame) -> None:
    place = store.project.path(".mainline/log/predictions/one.parquet")
    logs.write(log.assign(minutes=log["minutes"] * 4), place)
    try:
        result = store.project.mainline("watch")
    finally:
        place.unlink()
    assert result.status == 0, result.out + result.err
    assert json.loads(store.project.path("reports/monitor.json").read_text())["verdict"] == "drift"
