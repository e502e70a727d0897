"""Starts Streamlit with all that pages import loaded, so that the first look is quick, too."""

import json
import sys
from pathlib import Path

import plotly.graph_objects as go

from services.dashboard.figures.layout import framed
from services.dashboard.pages import PAGES
from services.dashboard.site import site


def main() -> None:
    """Serve with Streamlit's options, the first argument in JSON. Blocks until a signal ends it.

    The other arguments are the script's.
    """
    options = json.loads(sys.argv.pop(1))
    # Kinds of traces are loaded when they are first drawn.
    framed(go.Figure([go.Scatter(), go.Bar(), go.Candlestick()])).to_json()
    script = Path(__file__).with_name("script.py")
    site(script, [page.name for page in PAGES]).run(config=options)


if __name__ == "__main__":
    main()
