"""Parts compared while the next are moved: what they are known by, and what is left."""

import asyncio

from shared.database.transfer.verify_meanwhile import Meanwhile
from tests.batches import Feed, measure
from tests.integration.pairs import Pair, fill
from tests.waiting import until


async def test_parts_are_compared_meanwhile_and_in_the_end_what_differs(pair: Pair) -> None:
    await fill(pair.source)
    feed = Feed(pair.target, partition=5)
    await feed.claim()
    await feed.write([measure(60, 9.0, "A"), measure(0, 5.0, "own")])
    meanwhile = Meanwhile(*await pair.sides())
    async with asyncio.TaskGroup() as tasks:
        meanwhile.begin(tasks)
        await (await pair.transfer()).run(lambda _: None, meanwhile.stored)
        found = meanwhile.found
        await until(lambda: found["events"].same == 5 and found["dead_letters"].same == 1)
        meanwhile.end()
    assert found["measures"].same > 0
    assert found["measures"].left
    verdicts = await pair.verify(found)
    assert verdicts == await pair.verify()
    assert (verdicts["measures"].newer, verdicts["measures"].own) > (0, 0)
    # All is known of a unit whose parts were the same before.
    again = Meanwhile(*await pair.sides())
    await (await pair.transfer()).run(lambda _: None, again.stored)
    again.end()
    assert (again.found["events"].same, again.found["events"].left) == (5, [])
    assert await pair.verify(again.found) == verdicts


async def test_what_cannot_be_compared_meanwhile_is_in_the_end(pair: Pair) -> None:
    await fill(pair.source)
    meanwhile = Meanwhile(*await pair.sides())
    await (await pair.transfer()).run(lambda _: None, meanwhile.stored)
    await pair.target.close()
    async with asyncio.TaskGroup() as tasks:
        meanwhile.begin(tasks)
        await until(lambda: bool(meanwhile.found["measures"].left))
        meanwhile.end()
    await pair.target.open()
    assert not any(known.same for known in meanwhile.found.values())
    for verdict in (await pair.verify(meanwhile.found)).values():
        assert (verdict.same, verdict.faults, verdict.own) == (verdict.rows, 0, 0)
        assert verdict.rows > 0
