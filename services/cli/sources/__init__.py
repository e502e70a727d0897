"""Commands about what is fetched from where."""
