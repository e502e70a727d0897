"""Commands about records on their way: published, refused, replayed, and how far they were read."""
