from __future__ import annotations

import asyncio
from typing import Any

from mainline.packaging import export
from mainline.serving import scorer
from mainline.serving.json_input import Assembler
from mainline.serving.micro_batching import MicroBatcher
from tests.exports import Export


def asked(score: Any, *requests: list[tuple[float, ...]]) -> list[Any]:
    """What each of the requests, all due at once, is answered or raises."""

    async def all_of() -> list[Any]:
        batcher = MicroBatcher(score)
        return await asyncio.gather(*(batcher(rows) for rows in requests), return_exceptions=True)

    return asyncio.run(all_of())


def test_requests_that_come_together_are_scored_in_one_call_and_each_gets_its_own_rows() -> None:
    calls = []

    def score(rows: list[tuple[float, ...]]) -> list[float]:
        calls.append(len(rows))
        return [row[0] * 10 for row in rows]

    assert asked(score, [(1.0,)], [(2.0,), (3.0,)], [(4.0,)]) == [[10.0], [20.0, 30.0], [40.0]]
    assert calls == [4]


def test_who_comes_while_the_first_is_let_through_is_in_its_call() -> None:
    calls = []

    def score(rows: list[tuple[float, ...]]) -> list[float]:
        calls.append(len(rows))
        return [row[0] for row in rows]

    async def one_after_the_other() -> list[Any]:
        batcher = MicroBatcher(score)  # type: ignore[arg-type]
        first = batcher([(1.0,)])
        await asyncio.sleep(0)
        return await asyncio.gather(first, batcher([(2.0,)]))

    assert asyncio.run(one_after_the_other()) == [[1.0], [2.0]]
    assert calls == [2]


def test_a_request_that_the_model_fails_on_fails_alone() -> None:
    def score(rows: list[tuple[float, ...]]) -> list[float]:
        if (0.0,) in rows:
            raise ZeroDivisionError
        return [1 / row[0] for row in rows]

    first, second, third = asked(score, [(1.0,)], [(0.0,)], [(2.0,)])
    assert (first, third) == ([1.0], [0.5])
    assert isinstance(second, ZeroDivisionError)


def test_a_request_alone_fails_by_its_own_error_and_the_model_is_called_once() -> None:
    calls = []

    def score(rows: list[tuple[float, ...]]) -> list[float]:
        calls.append(rows)
        raise KeyError("none")

    (found,) = asked(score, [(1.0,)])
    assert isinstance(found, KeyError)
    assert len(calls) == 1


def test_who_has_left_does_not_keep_the_others_from_their_answers() -> None:
    async def leave() -> list[float]:
        batcher = MicroBatcher(lambda rows: [row[0] for row in rows])  # type: ignore[misc]
        gone, stays = batcher([(1.0,)]), batcher([(2.0,)])
        gone.cancel()
        return await stays

    assert asyncio.run(leave()) == [2.0]


def test_a_call_takes_no_more_rows_than_are_worth_it() -> None:
    calls = []

    def score(rows: list[tuple[float, ...]]) -> list[float]:
        calls.append(len(rows))
        return [row[0] for row in rows]

    requests = [[(float(n),)] * 400 for n in range(7)]
    assert asked(score, *requests) == [[float(n)] * 400 for n in range(7)]
    assert calls == [1200, 1200, 400]


def test_the_next_request_after_an_answer_starts_a_call_of_its_own() -> None:
    async def twice() -> tuple[list[Any], list[Any]]:
        batcher = MicroBatcher(lambda rows: [row[0] for row in rows])  # type: ignore[misc]
        return await batcher([(1.0,)]), await batcher([(2.0,)])

    assert asyncio.run(twice()) == ([1.0], [2.0])


def test_a_row_is_answered_to_the_last_bit_as_if_it_had_come_alone(binary: Export) -> None:
    score, assemble = scorer.load(binary.signature, binary.folder), Assembler(binary.signature)
    rows = [tuple(row) for row in export.as_lists(binary.signature, binary.holdout)[:300]]
    alone = [score(*assemble([row]))[0].tolist() for row in rows]
    assert score(*assemble(rows)).tolist() == alone
