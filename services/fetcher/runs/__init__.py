"""One run of a source: asked, read, published, and accounted for."""
