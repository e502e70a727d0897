"""Rows from one database into the other, and into files: in parts, resumable, verified."""
