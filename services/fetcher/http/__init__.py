"""The way to the upstreams: asked politely, capped, and never into a private network."""
