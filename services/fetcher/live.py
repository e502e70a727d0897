"""Asks a source's upstream what its watchlist wants, and publishes the answers."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from services.fetcher.answer import Request, UnreadableAnswer, UpstreamError
from services.fetcher.archive import ArchiveWriter
from services.fetcher.http import HttpClient
from services.fetcher.run import Run, RunSummary
from shared.errors import Transient

_MAX_FOLLOW_UPS = 1_000
_GIVE_UP_AFTER = 3
"""Requests in a row without an answer after which an upstream counts as away."""


async def fetch(
    run: Run, requests: Sequence[Request], client: HttpClient, archive: ArchiveWriter | None
) -> RunSummary:
    """Ask all requests and the pages that follow from them, and return the run's summary.

    Every answer is kept in the archive before it is read. A request that fails is written
    down and the others go on; after three in a row without an answer the run ends. Raises
    what the publisher and the archive raise. Cancelling stops between two answers.
    """
    waiting = deque(requests)
    follow_ups = silent = 0
    while waiting:
        request = waiting.popleft()
        try:
            answer = await client.get(request)
        except Transient as exc:
            run.fail(request.url, str(exc))
            silent += 1
            if silent == _GIVE_UP_AFTER and waiting:
                run.fail(run.source.hosts[0], f"away: {len(waiting)} requests were not sent")
                break
            continue
        except UpstreamError as exc:
            run.refuse(request.url, str(exc))
            continue
        except UnreadableAnswer as exc:
            run.fail(request.url, str(exc))
            continue
        silent = 0
        if archive is not None:
            await archive.keep(answer)
        parsed = await run.take(answer)
        follow_ups += len(parsed.more)
        run.summary.planned += len(parsed.more)
        if follow_ups > _MAX_FOLLOW_UPS:
            run.fail(request.url, f"over {_MAX_FOLLOW_UPS} further pages: given up")
            break
        waiting.extendleft(
            replace(more, headers=request.headers, secrets=request.secrets)
            for more in reversed(parsed.more)
        )
    return await run.finish()
