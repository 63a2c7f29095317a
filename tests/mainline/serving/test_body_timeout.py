from __future__ import annotations

import asyncio

import pytest

from mainline.serving.body_timeout import Patience


def test_what_comes_in_time_is_handed_on() -> None:
    async def main() -> None:
        async def soon() -> int:
            await asyncio.sleep(0)
            return 7

        assert await Patience(10).wait(soon()) == 7

    asyncio.run(main())


def test_what_does_not_come_is_ended_and_the_rest_is_not() -> None:
    async def main() -> None:
        patience = Patience(0.05)
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        late = asyncio.ensure_future(patience.wait(never))
        with pytest.raises(TimeoutError):
            await late
        assert await patience.wait(asyncio.sleep(0, 1)) == 1
        assert not patience.since
        assert not patience.overdue

    asyncio.run(main())


def test_a_cancellation_from_elsewhere_stays_one() -> None:
    async def main() -> None:
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(Patience(10).wait(never))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
