"""What Streamlit runs from top to bottom, as the main program, for every look."""

import sys

from services.dashboard.shell import show

if __name__ == "__main__":
    show(sys.argv[1])
