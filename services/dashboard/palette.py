"""The colours: each is told from a white and from a dark page alike, and none means alone."""

BLUE = "#2f6fe4"
ORANGE = "#c9660c"
TEAL = "#0d8a7d"
ROSE = "#dc2f57"
VIOLET = "#8254e8"
GREY = "#74797f"
GOLD = "#9a7b0a"

SERIES = (BLUE, ORANGE, TEAL, VIOLET, ROSE, GREY, GOLD)
"""The lines of one picture, in order: at least 3 to 1 against either page."""

RISE, FALL = TEAL, ROSE
"""A day that closed higher, drawn hollow; one that closed lower, drawn full."""

SHADE = "rgba(128, 134, 142, 0.22)"
"""What lies behind the lines: recessions, intervals."""

LIGHT_PAGE, DARK_PAGE = "#ffffff", "#0e1117"

THEME = {
    "theme.light.backgroundColor": LIGHT_PAGE,
    "theme.light.secondaryBackgroundColor": "#f3f5f8",
    "theme.light.textColor": "#0b0d12",
    "theme.light.primaryColor": "#1f5fd0",
    "theme.light.linkColor": "#1a56c4",
    "theme.dark.backgroundColor": DARK_PAGE,
    "theme.dark.secondaryBackgroundColor": "#1a1f2b",
    "theme.dark.textColor": "#fafafa",
    "theme.dark.primaryColor": "#6ea2ff",
    "theme.dark.linkColor": "#8ab4ff",
}
"""Streamlit's own options: what it fades is readable still, in light and in dark."""
