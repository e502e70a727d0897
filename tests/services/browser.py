"""The browser that tests look through: Debian's Chromium, or another that is on the path."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    Response,
    sync_playwright,
)

from tests.services.search import UnavailableError
from tests.waiting import stretched

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DRAWN = "[data-testid=stApp][data-test-script-state=notRunning]"
_STALE = "[data-stale=true], [data-testid=stSkeleton]"
# Streamlit's page looks for its server below its own address first: two answers of 404.
_EXPECTED = "/_stcore/"
# Playwright has V8 tell the place of every error of a script, of those caught too. For those that
# Plotly catches as it loads V8 would parse all of it again, four times: a second of the page's own
# thread that no reader waits for. Places noted when a script is compiled are not looked up.
_ARGUMENTS = ("--no-sandbox", "--js-flags=--no-enable-lazy-source-positions")
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
# A machine's interfaces come and go with its containers; Chromium then drops what it is loading.
_BROKEN_OFF, _TRIES = "ERR_NETWORK_CHANGED", 5
_SECONDS = 30.0
_FIRST = "economy"


@dataclass
class Look:
    """A page in a browser, and what went wrong in it.

    broken_off  what changes of the machine's network ended, and the addresses that did not load
                for it, which is no fault of the page
    """

    page: Page
    base: str
    broken_off: list[str] = field(default_factory=list)
    _said: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What went wrong, but for what a change of the network ended and what failed of that."""
        return [said for said in self._said if not any(lost in said for lost in self.broken_off)]

    def watch(self) -> None:
        """Note answers of errors, errors of scripts, and what is asked of any other host."""

        def answered(response: Response) -> None:
            if response.status >= 400 and _EXPECTED not in response.url:
                self._said.append(f"{response.status} {response.url}")

        def said(message: ConsoleMessage) -> None:
            if message.type == "error" and _EXPECTED not in message.location.get("url", ""):
                self._note(message.text)

        def asked(request: Request) -> None:
            if request.url.startswith("http") and not request.url.startswith(self.base):
                self._said.append(f"a foreign host: {request.url}")

        def failed(request: Request) -> None:
            if _BROKEN_OFF in (request.failure or ""):
                self.broken_off.append(request.url)

        self.page.set_default_timeout(stretched(_SECONDS) * 1000)
        self.page.on("response", answered)
        self.page.on("console", said)
        self.page.on("request", asked)
        self.page.on("requestfailed", failed)
        self.page.on("pageerror", lambda error: self._note(str(error)))

    def open(self, name: str, query: str = "", *, named: bool = False) -> None:
        """Open a page of the dashboard by its address and wait until it is drawn.

        named   by an address with its name, where it is the first one, too
        """
        url = f"{self.base}/{'' if name == _FIRST and not named else name}{query}"
        self._drawn(name.capitalize(), lambda: self.page.goto(url))

    def go(self, name: str) -> None:
        """Go to a page by the navigation beside it."""
        link = self.page.get_by_role("link", name=name.capitalize())
        self._drawn(name.capitalize(), link.click)

    def _note(self, said: str) -> None:
        (self.broken_off if _BROKEN_OFF in said else self._said).append(said)

    def _drawn(self, title: str, action: Callable[[], object]) -> None:
        """Do something and wait for the page that follows; again where loading was broken off."""
        for _ in range(_TRIES):
            said, broken_off = len(self._said), len(self.broken_off)
            try:
                action()
                self.await_drawn(title)
            except Error as exc:
                if _BROKEN_OFF in str(exc):
                    self._note(str(exc))
                elif len(self.broken_off) == broken_off:
                    raise
            if len(self.broken_off) == broken_off:
                return
            del self._said[said:]
            action = self.page.reload
        raise AssertionError(f"{title}: broken off {_TRIES} times by changes of the network")

    def await_drawn(self, title: str) -> None:
        """Wait until the page of this title is drawn whole."""
        self.page.locator(_DRAWN).locator("h1", has_text=title).wait_for()
        self.page.wait_for_function(f"!document.querySelector('{_STALE}')")
        charts = self.page.locator("[data-testid=stPlotlyChart]").count()
        self.page.wait_for_function(
            "count => document.querySelectorAll('.js-plotly-plot .main-svg').length >= count",
            arg=charts,
        )

    def faulty(self) -> list[str]:
        """Return what is wrong with the page that is open: faults, exceptions, what breaks AA."""
        boxes = self.page.locator("[data-testid=stException]").all_inner_texts()
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        cut = [f"{wide} px wider than the screen"] if wide > 0 else []
        judged: dict[str, Any] = Axe().run(self.page, options=_RULES).response
        unreadable = [
            f"{rule['id']}: {node['html']}"
            for rule in judged["violations"]
            for node in rule["nodes"]
        ]
        return [*self.faults, *boxes, *cut, *unreadable]

    def keep(self, path: Path) -> None:
        """Write a picture of the whole page, as high as it is."""
        size = self.page.viewport_size or {"width": 1280, "height": 900}
        height = "document.querySelector('[data-testid=stMain]').scrollHeight"
        self.page.set_viewport_size({"width": size["width"], "height": self.page.evaluate(height)})
        self.page.wait_for_timeout(1000)
        self.page.screenshot(path=path)
        self.page.set_viewport_size(size)

    def metrics(self) -> dict[str, str]:
        """Return the figures of the page by their label."""
        found = self.page.locator("[data-testid=stMetric]").all()
        parts = [[line for line in m.inner_text().splitlines() if line.strip()] for m in found]
        return {label: value for label, value, *_ in parts}

    def trace(self, name: str, values: str = "y") -> list[tuple[str, float]]:
        """Return the points of a line by the name in its picture's legend, those with a value."""
        handle = self.page.wait_for_function(
            """([name, values]) => {
                const all = [...document.querySelectorAll('.js-plotly-plot')];
                const traces = all.flatMap(p => p._fullData || []);
                const trace = traces.find(t => t.name.startsWith(name));
                if (!trace) return null;
                const found = Array.from(trace[values]);
                return Array.from(trace.x).map((x, i) => [String(x).slice(0, 10), found[i]]);
            }""",
            arg=[name, values],
        )
        points: list[tuple[str, float | None]] = handle.json_value()
        return [(day, value) for day, value in points if value is not None and value == value]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a browser without a window; raises UnavailableError where there is none."""
    program = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if program is None:
        raise UnavailableError("no Chromium on the path: scripts/install-chromium installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looking(browser: Browser, base: str, **context: Any) -> Iterator[Look]:
    """Open a fresh session of the browser on the dashboard at `base`."""
    session = browser.new_context(**context)
    look = Look(session.new_page(), base)
    look.watch()
    try:
        yield look
    finally:
        session.close()
