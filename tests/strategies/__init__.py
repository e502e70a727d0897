"""Rows, messages and all the ways in which a message can be odd, for hypothesis and by name."""

from tests.strategies.depth import examples
from tests.strategies.messages import as_message, documents, good_values
from tests.strategies.odd import ODD_TOKENS, ODD_VALUES, odd_values
from tests.strategies.rows import EVERYTHING, rows, tables

__all__ = [
    "EVERYTHING",
    "ODD_TOKENS",
    "ODD_VALUES",
    "as_message",
    "documents",
    "examples",
    "good_values",
    "odd_values",
    "rows",
    "tables",
]
