"""What Streamlit runs from top to bottom for every look: the one script that acts when loaded."""

import sys

from services.dashboard.shell import show

show(sys.argv[1])
