"""Commands that run services: one of them, or the whole pipeline in one process."""
