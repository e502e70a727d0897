"""One file a dataset; the registry finds them by their `DATASET`."""
