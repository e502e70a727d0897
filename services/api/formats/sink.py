"""Where writers of files put their bytes, to be taken away again piece by piece."""


class Sink:
    """A file to write to, which holds no more than what has not been taken yet."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep the bytes, and return how many they are."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits to be written."""

    def close(self) -> None:
        """What has been written can still be taken."""

    def take(self) -> bytes:
        """Return what has been written since it was last taken."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


__all__ = ["Sink"]
