"""Takes articles from the stream and publishes how they sound; it keeps no state."""

import asyncio

from services.processor.derive import Derived
from services.processor.publish import Outlet
from services.processor.rekey import Intake
from services.processor.sentiment import Scorer, news_sentiment
from shared.datasets.news_sentiment import DATASET as NEWS_SENTIMENT
from shared.messages import Messages


class NewsAgent:
    """Judges each article as it was at its as_of."""

    def __init__(self, intake: Intake, outlet: Outlet, scorer: Scorer) -> None:
        self._intake = intake
        self._outlet = outlet
        self._scorer = scorer

    async def handle(self, messages: Messages) -> None:
        """Take in a batch; what follows is acknowledged by the broker when this returns."""
        articles = await self._intake.read(messages)
        if articles.num_rows:
            rows = await asyncio.to_thread(news_sentiment, articles, self._scorer)
            await self._outlet.publish([Derived(NEWS_SENTIMENT, rows, articles["as_of"])])
