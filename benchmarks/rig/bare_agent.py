"""The least that a Faust agent can do: count what `take()` hands it, and say how many, on stdout.

`python -m benchmarks.rig.bare_agent SERVERS TOPIC GROUP PARTITIONS FOLDER`
"""

import asyncio
import sys

import faust

from services.processor.stream import BATCH_RECORDS, BATCH_SECONDS


def main() -> None:
    """Count until ended from outside. Blocks."""
    servers, topic, group, partitions, folder = sys.argv[1:]
    app = faust.App(
        group,
        broker=f"kafka://{servers}",
        broker_session_timeout=10,
        broker_heartbeat_interval=2.5,
        consumer_auto_offset_reset="earliest",
        store="memory://",
        datadir=folder,
        topic_partitions=int(partitions),
        topic_disable_leader=True,
        stream_buffer_maxsize=2 * BATCH_RECORDS,
        web_enabled=False,
    )
    records = app.topic(topic, key_type=bytes, value_type=bytes, key_serializer="raw",
                        value_serializer="raw")  # fmt: skip

    @app.agent(records)
    async def count(stream: faust.StreamT[bytes]) -> None:
        seen = 0
        async for batch in stream.take(BATCH_RECORDS, within=BATCH_SECONDS):
            seen += len(batch)
            print(seen, flush=True)

    asyncio.run(_run(app))


async def _run(app: faust.App) -> None:
    # Not by Faust's own Worker: that draws on stdout, however quiet it is told to be.
    await app.start()
    await app.wait_until_stopped()


if __name__ == "__main__":
    main()
