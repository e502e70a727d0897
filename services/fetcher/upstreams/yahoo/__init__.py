"""Yahoo's charts: bars, and the events that change the prices before them."""
