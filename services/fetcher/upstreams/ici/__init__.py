"""ICI's workbooks of fund flows."""
