"""FRED and ALFRED: routes, vintages, releases, updates and search."""
