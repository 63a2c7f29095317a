from __future__ import annotations

import datetime as dt
import email.utils
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mainline.config import loader
from mainline.data.collect import Collected
from mainline.data.sources import api_client
from mainline.errors import ConfigurationError, DataError, ExternalError, MainlineError
from tests.bounds import HANG
from tests.mainline.data.sources.api_server import TOKEN, Api, _Handler, cut_off, hourly, serving, status
from tests.servers import free_port
from tests.tables import collected, rows

pytestmark = pytest.mark.slow

Ask = Callable[..., Collected]
NUMBERED = {"path": "numbered", "records": "$.items", "pages": {"number": "page", "total": "$.meta.total"}}
KINDS = [
    NUMBERED,
    {"path": "numbered", "records": "$.items", "pages": {"number": "page", "limit": "limit", "size": 7}},
    {"path": "offset", "records": "$.data.items", "pages": {"offset": "offset", "limit": "limit", "size": 7}},
    {"path": "cursor", "records": "$.items", "pages": {"cursor": "$.next", "parameter": "after"}},
    {"path": "linked?limit=9", "pages": "link"},
    {"path": "whole"},
]
MONTHS = {"since": "from", "until": "to", "start": "2013-01-01", "window": "1 day"}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api()) as server:
        yield server


@pytest.fixture(autouse=True)
def quick_and_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "FIRST_WAIT", 0.001)
    monkeypatch.setenv("RATES_TOKEN", TOKEN)


@pytest.fixture
def ask(api: Api, tmp_path: Path) -> Ask:
    def collect_answers(path: str = "numbered", until: str = "2013-02-01", **source: Any) -> Collected:
        return collected(tmp_path, until, api=f"{api.url}/{path}", time="at", **source)

    return collect_answers


def numbers(table: Collected) -> list[int]:
    return [n for (n,) in rows(table, "n")]


def files(root: Path) -> list[str]:
    below = [path for path in (root / ".cache").rglob("*") if path.is_file() and path.name != "filestamps.json"]
    return sorted(str(path.relative_to(root / ".cache")) for path in below)


@pytest.mark.parametrize("source", KINDS, ids=lambda source: source["path"])
def test_every_kind_of_paging_brings_exactly_the_rows(api: Api, ask: Ask, source: dict[str, Any]) -> None:
    table = ask(**source)
    assert numbers(table) == list(range(35))
    assert table.columns == {"at": "TIMESTAMP WITH TIME ZONE", "n": "BIGINT", "note": "VARCHAR", "rate": "DOUBLE"}
    assert table.digest == ask("whole").digest, "the same rows are the same table, whatever the pages"


def test_a_server_that_answers_404_behind_the_last_page_has_ended(api: Api, ask: Ask) -> None:
    api.end_is_404 = True
    assert ask(records="$.items", pages={"number": "page"}).rows == 35


def test_rows_after_the_cutoff_do_not_change_the_table(api: Api, ask: Ask) -> None:
    before = ask("whole", until="2013-01-02")
    assert numbers(before) == list(range(24))
    api.rows = hourly(50)
    assert ask("whole", until="2013-01-02").digest == before.digest


@pytest.mark.parametrize(
    "mishap",
    [status(429, Retry_After="0"), status(503), status(500), cut_off, status(403, X_RateLimit_Remaining="0")],
    ids=["too many", "unavailable", "broken", "cut off", "limit"],
)
def test_what_another_attempt_helps_against_is_tried_again(api: Api, ask: Ask, mishap: Any) -> None:
    api.mishaps = {2: mishap, 3: mishap}
    assert numbers(ask(**NUMBERED)) == list(range(35))
    assert [each["page"] for each in api.asked] == ["1", "2", "2", "2", "3", "4"]


def test_a_server_that_asks_for_more_patience_than_there_is_is_named(api: Api, ask: Ask) -> None:
    later = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=2), usegmt=True)
    for asked in ("3600", later):
        api.asked.clear()
        api.mishaps = {2: status(429, Retry_After=asked)}
        with pytest.raises(
            ExternalError, match=r"events: page 2 of http\S+: the server asks to wait \d{4} seconds, pat"
        ):
            ask(**NUMBERED)
    api.asked.clear()
    api.mishaps, api.headers = {}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "900"}
    with pytest.raises(ExternalError, match=r"page 2 .* asks to wait 900 seconds, patience is 60"):
        ask(**NUMBERED)
    assert len(api.asked) == 1, "the limit is not run into"


def test_requests_keep_the_pace_of_the_settings(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def waited(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(api_client.asyncio, "sleep", waited)
    ask(**NUMBERED, per_second=0.5)
    assert [round(each) for each in waits] == [2, 2, 2]


def test_a_server_that_stays_broken_is_named_after_its_attempts(api: Api, ask: Ask, tmp_path: Path) -> None:
    api.mishaps = dict.fromkeys(range(2, 99), status(503))
    with pytest.raises(ExternalError, match=r"page 2 of http\S+: the server answers with status 503 \(5 attempts\)"):
        ask(**NUMBERED)
    assert files(tmp_path) == []
    with pytest.raises(ExternalError, match="cannot be reached: Cannot connect"):
        collected(tmp_path, api=f"http://127.0.0.1:{free_port()}/", time="at")


def test_a_page_that_repeats_is_an_error_that_names_it(api: Api, ask: Ask) -> None:
    api.before = {2: lambda: api.rows.insert(0, {"at": "2013-01-01T00:00:00Z", "n": -1, "rate": 0.0, "note": ""})}
    with pytest.raises(DataError, match="events: page 2 repeats 1 of its 10 records from earlier pages"):
        ask(records="$.items", pages={"number": "page"})
    api.asked.clear()
    api.rows, api.before = hourly(5), {}
    with pytest.raises(DataError, match=r"page 2 repeats 5 of its 5 records .* ignores the paging"):
        ask("whole", pages={"number": "page"})


def test_a_page_that_shrinks_is_an_error_that_names_it(api: Api, ask: Ask) -> None:
    short = status(200, b'{"items": [{"at": "2013-01-01T09:00:00Z", "n": 9, "rate": 0.5, "note": ""}]}')
    api.mishaps = {2: short}
    with pytest.raises(DataError, match="page 2 has 1 records, another page has 10, and page 3 goes on"):
        ask(records="$.items", pages={"number": "page"})
    api.asked.clear()
    api.mishaps, api.before = {}, {3: lambda: api.rows.pop()}
    with pytest.raises(DataError, match="page 3 states a total of 34 records, earlier pages stated 35"):
        ask(**NUMBERED)


def test_an_end_that_comes_before_the_total_is_an_error(api: Api, ask: Ask) -> None:
    api.mishaps = {3: status(200, b'{"items": [], "meta": {"total": 35}}')}
    with pytest.raises(DataError, match="the pages hold 20 records, the server states a total of 35"):
        ask(**NUMBERED)


def test_pages_that_go_in_a_circle_are_an_error(api: Api, ask: Ask) -> None:
    api.mishaps = {2: status(200, b'{"items": [], "next": "10"}')}
    with pytest.raises(DataError, match="page 2 has a cursor that an earlier page had"):
        ask("cursor", records="$.items", pages={"cursor": "$.next", "parameter": "after"})


def test_records_that_stand_elsewhere_are_named_with_what_is_there(api: Api, ask: Ask) -> None:
    with pytest.raises(DataError, match=r"page 1 has no list of records at \$\.rows: the answer has items, meta"):
        ask(records="$.rows", pages={"number": "page"})
    api.asked.clear()
    api.mishaps = {1: status(200, b"<html>log in</html>", Content_Type="text/html")}
    with pytest.raises(ExternalError, match=r"page 1 of \S+: the answer is not JSON \(text/html\)"):
        ask("whole")
    with pytest.raises(DataError, match="has no record before the data cutoff"):
        ask("whole", until="2012-01-01")


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ("$RATES_TOKEN", f"Bearer {TOKEN}"),
        ({"user": "me", "value": "$RATES_TOKEN"}, "Basic bWU6YS12ZXJ5L3NlY3JldCB0b2tlbg=="),
        ({"header": "Authorization", "value": "$RATES_TOKEN"}, TOKEN),
        ({"parameter": "key", "value": "$RATES_TOKEN"}, None),
    ],
)
def test_a_token_goes_where_the_settings_say_and_into_no_file_or_message(
    api: Api, ask: Ask, tmp_path: Path, auth: Any, sent: str | None
) -> None:
    assert ask(**NUMBERED, auth=auth).rows == 35
    assert set(api.tokens) == {sent}
    assert sent is not None or {each["key"] for each in api.asked} == {TOKEN}
    api.asked.clear()
    quoted = f"no, {TOKEN}, and a-very%2Fsecret%20token, and bWU6YS12ZXJ5L3NlY3JldCB0b2tlbg=="
    said = []
    for mishap in (status(401), status(400, quoted.encode()), status(503)):
        api.asked.clear()
        api.mishaps = dict.fromkeys(range(2, 9), mishap)
        with pytest.raises(MainlineError) as caught:
            ask(**NUMBERED, auth=auth)
        said.append(str(caught.value))
    assert "refuses the value of RATES_TOKEN: it may have run out (status 401)" in said[0]
    assert "status 400: no, ***" in said[1]
    held = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert "very" not in "".join(said) + held
    assert "bWU6" not in held


def test_a_token_is_not_sent_to_another_server(api: Api, ask: Ask) -> None:
    elsewhere = status(200, b"[]", Link='<https://example.org/rates>; rel="next"')
    api.mishaps = {1: elsewhere}
    with pytest.raises(ExternalError, match=r"server, example\.org: the value of RATES_TOKEN is not sent there"):
        ask("linked", pages="link", auth="$RATES_TOKEN")


def test_a_secret_follows_no_redirect_to_another_server(api: Api, ask: Ask) -> None:
    with serving(Api()) as other:
        elsewhere = status(302, Location=f"{other.url}/whole")
        api.mishaps[1] = elsewhere
        assert len(numbers(ask("whole", auth="$RATES_TOKEN"))) == 35
        assert (api.tokens[0], other.tokens) == (f"Bearer {TOKEN}", [None])
        api.mishaps[2] = elsewhere
        with pytest.raises(
            ConfigurationError, match=r"redirects to http://127.0.0.1:\d+/whole: .*RATES_TOKEN is not sent"
        ):
            ask("whole", auth={"value": "$RATES_TOKEN", "header": "X-Key"})
        assert (api.keys[1], other.keys) == (TOKEN, [None])


def test_a_token_that_is_missing_or_written_down_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RATES_TOKEN")
    with pytest.raises(ConfigurationError, match=r"events\.auth: the environment variable RATES_TOKEN is not set"):
        ask("whole", auth="$RATES_TOKEN")
    for auth in ("hidden", "12345678", "{value: hidden, header: X-Key}"):
        text = f"task: binary\ndata:\n  until: 2013-01-01\n  sources:\n    a: {{api: 'https://x', auth: {auth}}}\n"
        with pytest.raises(ConfigurationError) as caught:
            loader.parse(text)
        assert "data.sources.a.auth" in str(caught.value)
        assert "hidden" not in str(caught.value) and "1234" not in str(caught.value)


def test_a_setting_of_another_kind_is_refused_by_name() -> None:
    text = "task: binary\ndata:\n  until: 2013-01-01\n  sources:\n    a: {path: a.csv, pages: link}\n"
    with pytest.raises(ConfigurationError, match=r":5: data\.sources\.a: `pages` is a setting of `api`"):
        loader.parse(text)


def test_only_what_is_new_is_asked_for(api: Api, ask: Ask) -> None:
    windows = {"records": "$.items", "pages": {"number": "page"}, "increments": MONTHS}
    first = ask(**windows, until="2013-01-03")
    assert numbers(first) == list(range(35))
    api.asked.clear()
    api.rows = hourly(72)
    second = ask(**windows, until="2013-01-04")
    assert numbers(second) == [*range(35), *range(48, 72)], "rows that came late are not seen"
    assert {(each["from"], each["to"]) for each in api.asked} == {("2013-01-03T00:00:00Z", "2013-01-04T00:00:00Z")}
    again = {**windows, "increments": {**MONTHS, "again": "400 years"}}
    assert numbers(ask(**again, until="2013-01-04")) == list(range(72))


def test_a_server_that_ignores_the_window_is_an_error(api: Api, ask: Ask) -> None:
    renamed = {**MONTHS, "since": "start", "until": "stop"}
    with pytest.raises(DataError, match="sends a record with at 2013-01-02T00:00:00Z: do start and stop limit"):
        ask("whole", until="2013-01-03", increments=renamed)


def test_a_server_that_dies_and_comes_back_in_the_middle_loses_no_row(tmp_path: Path) -> None:
    first, second = Api(), None

    def die(handler: _Handler) -> None:
        nonlocal second
        first.shutdown()
        first.socket.close()  # nobody listens
        second = Api(first.server_port)
        threading.Thread(target=second.serve_forever, args=(0.02,)).start()
        handler.close_connection = True  # without an answer

    first.mishaps = {3: die}
    with serving(first):
        table = collected(tmp_path, api=f"{first.url}/numbered", time="at", records="$.items", pages={"number": "page"})
    assert second is not None
    second.shutdown()
    second.server_close()
    assert numbers(table) == list(range(35))
    assert second.asked[0]["page"] == "3"


def test_a_run_that_is_killed_goes_on_where_it_stopped(api: Api, tmp_path: Path) -> None:
    reached, killed = threading.Event(), threading.Event()

    def hold(handler: _Handler) -> None:
        reached.set()
        killed.wait(HANG)

    api.rows, api.mishaps = hourly(72), {6: hold}
    source = {"records": "$.items", "pages": {"number": "page"}, "increments": MONTHS, "time": "at"}
    program = f"""
import sys
from pathlib import Path
from tests.tables import collected
collected(Path(sys.argv[1]), "2013-01-04", api=sys.argv[2], **{source!r})
"""
    command = [sys.executable, "-c", program, str(tmp_path), f"{api.url}/numbered"]
    run = subprocess.Popen(command, cwd=Path(__file__).parents[4])
    assert reached.wait(HANG)
    os.kill(run.pid, signal.SIGKILL)
    run.wait(HANG)
    killed.set()
    assert [name.rpartition("/")[2] for name in files(tmp_path)] == ["2013-01-01-2013-01-02.jsonl"]
    api.asked.clear()
    api.mishaps = {}
    table = collected(tmp_path, "2013-01-04", api=f"{api.url}/numbered", **source)
    assert numbers(table) == list(range(72))
    assert {each["from"][:10] for each in api.asked} == {"2013-01-02", "2013-01-03"}
    assert table.digest == collected(tmp_path / "other", "2013-01-04", api=f"{api.url}/whole", time="at").digest
