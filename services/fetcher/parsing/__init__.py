"""Reads bodies of the usual forms (JSON, CSV, feeds, workbooks) as columns."""
