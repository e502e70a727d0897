"""What was had of each request in earlier runs, and where every fetcher finds it."""
