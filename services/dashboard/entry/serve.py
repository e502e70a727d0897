"""Starts Streamlit with all that pages import loaded, so that the first look is quick, too."""

import inspect
import json
import sys
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from services.dashboard.figures import economy
from services.dashboard.figures.layout import framed
from services.dashboard.pages import PAGES
from services.dashboard.shell import prepare
from services.dashboard.site import site


def main() -> None:
    """Serve with Streamlit's options, the first argument in JSON. Blocks until a signal ends it.

    The other argument is the script's: the API's address.
    """
    options = json.loads(sys.argv.pop(1))
    _load(sys.argv[1])
    script = Path(__file__).with_name("script.py")
    site(script, [page.name for page in PAGES]).run(config=options)


def _load(api_url: str) -> None:
    """Do once what is slow the first time only; blocks half a second."""
    prepare(api_url)
    # Kinds of traces, axes and shapes are loaded when they are first drawn.
    framed(go.Figure([go.Scatter(), go.Bar(), go.Candlestick()])).to_json()
    days = pd.to_datetime(["2008-01-01", "2008-12-31"])
    series = {"": pd.DataFrame({"date": days, "value": [0.0, 1.0]})}
    economy.draw(series, {}, {"": ""}, [(days[0], days[1])])[0].to_json()
    # Streamlit's first widget looks up where it was called from: the files of all modules are read.
    inspect.stack()


if __name__ == "__main__":
    main()
