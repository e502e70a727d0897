"""Status and dead letters, over real Kafka and each database."""

from typing import Any

from shared.keys import Scope
from shared.record import Record
from tests.api import bearer, give_key
from tests.loading import produce
from tests.posting import ROW, Door, loaded
from tests.waiting import until

BAD = (b'{"series_id": 1}', b"\xff", b"{")


async def test_letters_are_listed_replayed_and_discarded_and_the_status_tells(door: Door) -> None:
    topic = f"{door.settings.kafka_topic_prefix}fred_data"
    admin = bearer(await give_key(door.database, Scope.ADMIN, name="admin"))
    assert (await door.client.get("/v1/dead-letters")).status_code == 403
    await produce(door.settings, [Record(topic, b"X", value) for value in BAD])
    assert (await door.post(ROW)).status_code == 202
    async with loaded(door):
        await status_tells(door)
        door.client.headers.update(admin)
        one = f"/v1/dead-letters/{await newest_of_all(door)}"
        replayed = await door.client.post(f"{one}/replay")
        assert (replayed.status_code, replayed.json()["topic"]) == (202, topic)

        async def tried_again() -> bool:
            return bool((await door.client.get(one)).json()["attempts"] == 2)

        await until(tried_again, within=60)
    await discarded(door, one)
    wrong = await door.client.get("/v1/dead-letters?limit=0")
    assert (wrong.status_code, wrong.json()["parameter"]) == (422, "limit")
    assert 'route="/v1/dead-letters/{letter}"' in (await door.client.get("/metrics")).text


async def status_tells(door: Door) -> None:
    async def look() -> dict[str, Any]:
        told = (await door.client.get("/v1/status")).json()
        fred = next(each for each in told["datasets"] if each["name"] == "fred_data")
        return {**fred, "broker": told["broker"], "whole_lag": told["lag"]}

    async def settled() -> bool:
        fred = await look()
        return bool(fred["whole_lag"] == 0 and fred["dead_letters"] == 3 and fred["rows"] == 1)

    await until(settled, within=60)
    fred = await look()
    assert (fred["broker"], fred["last"]) == ("ok", "2026-01-01")
    assert fred["expected_next"] == "2026-01-02"
    assert sum(each["stored_offset"] for each in fred["partitions"]) == 4


async def newest_of_all(door: Door) -> int:
    listed = (await door.client.get("/v1/dead-letters?limit=2")).json()
    rest = f"/v1/dead-letters?dataset=fred&cursor={listed['next_cursor']}"
    more = (await door.client.get(rest)).json()
    ids: list[int] = [row["id"] for row in listed["data"] + more["data"]]
    assert (ids, more["next_cursor"]) == (sorted(ids, reverse=True), None)
    whole = [(await door.client.get(f"/v1/dead-letters/{each}")).json() for each in ids]
    told = {each.get("value", each.get("value_base64")) for each in whole}
    assert told == {'{"series_id": 1}', "/w==", "{"}
    return ids[0]


async def discarded(door: Door, one: str) -> None:
    for _ in range(2):
        assert (await door.client.delete(one)).status_code == 204
    assert (await door.client.post(f"{one}/replay")).status_code == 409
    resolved = await door.client.get("/v1/dead-letters?resolved=true")
    assert [row["resolution"] for row in resolved.json()["data"]] == ["discarded"]
    assert (await door.client.get("/v1/dead-letters/99")).status_code == 404
