"""Which series, tickers, indices and feeds are fetched, as people edit it."""
