"""Commands about the database: asked, moved, kept apart and given its tables."""
