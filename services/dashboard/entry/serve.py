"""Starts Streamlit with all that pages import loaded, so that the first look is quick, too."""

import sys

import plotly.graph_objects as go
from streamlit.web import cli

from services.dashboard.figures.layout import framed
from services.dashboard.pages import PAGES


def main() -> None:
    """Serve as the arguments say, which are Streamlit's. Blocks until a signal ends it."""
    assert PAGES
    # Kinds of traces are loaded when they are first drawn.
    framed(go.Figure([go.Scatter(), go.Bar(), go.Candlestick()])).to_json()
    cli.main(sys.argv[1:], prog_name="streamlit")


if __name__ == "__main__":
    main()
