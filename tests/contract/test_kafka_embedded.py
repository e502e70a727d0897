"""The embedded broker starts new each time, says why it cannot, and never outlives its parent."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from shared.embedded import EmbeddedBroker
from shared.errors import ConfigError, Fatal, Transient
from shared.kafka import Consumer, TopicSpec, connect, ensure_topics
from shared.settings import Settings
from tests.services.readers import Listener, collect, hold
from tests.waiting import until

_ROOT = Path(__file__).parents[2]
_PARENT = """
import asyncio, sys
from pathlib import Path
from shared.embedded import EmbeddedBroker

async def main():
    async with EmbeddedBroker(Path(sys.argv[1])) as broker:
        print(broker.pid, broker.bootstrap_servers, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_each_start_is_a_cluster_of_its_own(tmp_path: Path) -> None:
    async with (
        EmbeddedBroker(tmp_path / "logs" / "one.log") as one,
        EmbeddedBroker(tmp_path / "two.log") as two,
    ):
        assert one.cluster.cluster_id != two.cluster.cluster_id
        answered = await connect(Settings(kafka_bootstrap_servers=one.bootstrap_servers))
        assert answered == one.cluster
        address = one.bootstrap_servers
        assert (tmp_path / "logs" / "one.log").stat().st_size
    with pytest.raises(Transient):
        await connect(Settings(kafka_bootstrap_servers=address))
    with pytest.raises(Fatal):
        _ = one.cluster


async def test_listens_where_it_is_told_and_says_when_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port} .* is taken"):
            async with EmbeddedBroker(tmp_path / "log", port=port):
                pass
    async with EmbeddedBroker(tmp_path / "log", port=port) as broker:
        assert broker.bootstrap_servers == f"127.0.0.1:{port}"


async def test_its_end_is_noticed(tmp_path: Path) -> None:
    async with EmbeddedBroker(tmp_path / "log") as broker:
        psutil.Process(broker.pid).send_signal(signal.SIGKILL)
        async with asyncio.timeout(10):
            assert await broker.wait() == -signal.SIGKILL


async def test_a_consumer_says_when_the_broker_is_silent(tmp_path: Path) -> None:
    listener = Listener()
    async with EmbeddedBroker(tmp_path / "log") as broker:
        await ensure_topics(broker.cluster, [TopicSpec("bars", partitions=2)])
        async with Consumer(
            broker.cluster, group_id="g", topics=["bars"], listener=listener, silence=1.5
        ) as consumer:
            await hold(consumer, 2)
            quiet_until = time.monotonic() + 3
            while time.monotonic() < quiet_until:
                assert not await consumer.getmany()
            psutil.Process(broker.pid).kill()
            with pytest.raises(Transient, match=r"127\.0\.0\.1:\d+"):
                await collect(consumer, 1)


async def test_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(tmp_path / "log")),
        stdout=subprocess.PIPE,
        cwd=_ROOT,
    )
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        pid, address = (await parent.stdout.readline()).split()
    broker = psutil.Process(int(pid))
    assert broker.is_running()
    parent.kill()
    await parent.wait()
    await until(lambda: not broker.is_running() or broker.status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(Transient):
        await connect(Settings(kafka_bootstrap_servers=address.decode()))


async def _tethered(*command: str) -> tuple[asyncio.subprocess.Process, psutil.Process]:
    """Run a command the way of systems without a death signal; both processes."""
    watch = "import sys; from shared import tether; sys.exit(tether.watch_over(sys.argv[1:]))"
    keeper = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", watch, *command), stdin=subprocess.PIPE, cwd=_ROOT
    )
    children = await until(lambda: psutil.Process(keeper.pid).children())
    return keeper, children[0]


async def test_without_a_death_signal_a_closed_pipe_ends_it() -> None:
    keeper, child = await _tethered("sleep", "60")
    assert keeper.stdin is not None
    keeper.stdin.close()
    async with asyncio.timeout(10):
        assert await keeper.wait() != 0
    await until(lambda: not child.is_running())


async def test_without_a_death_signal_it_ends_when_asked_to() -> None:
    keeper, child = await _tethered("sleep", "60")
    keeper.terminate()
    async with asyncio.timeout(10):
        await keeper.wait()
    await until(lambda: not child.is_running())


async def test_without_a_death_signal_the_command_s_own_end_is_told() -> None:
    keeper, _ = await _tethered("sh", "-c", "sleep 0.2; exit 7")
    async with asyncio.timeout(10):
        assert await keeper.wait() == 7
