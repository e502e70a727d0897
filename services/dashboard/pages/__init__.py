"""The pages in the order of the navigation: a file is a page, and says all there is about it."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from services.dashboard.pages import (
    economy,
    flows,
    markets,
    news,
    pipeline,
    revisions,
    volatility,
)
from services.dashboard.reading import Reading


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its place in the address, its title and icon, what it is for, and its body."""

    name: str
    title: str
    icon: str
    about: str
    show: Callable[[Reading], None]


def _page(module: ModuleType, icon: str) -> Page:
    name = module.__name__.rpartition(".")[2]
    return Page(name, name.capitalize(), icon, module.__doc__ or "", module.show)


PAGES = (
    _page(economy, "account_balance"),
    _page(markets, "candlestick_chart"),
    _page(volatility, "electric_bolt"),
    _page(flows, "swap_vert"),
    _page(news, "newspaper"),
    _page(revisions, "history"),
    _page(pipeline, "conversion_path"),
)
