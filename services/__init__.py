"""The programs: fetcher, loader, api and the command line that starts them."""
