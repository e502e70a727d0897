"""Errors named after the reaction they ask for, so that a handler never has to guess.

EconstreamError
 ├─ Transient        the other side is away, locked or full: back off, keep polling, lose nothing
 ├─ InvalidRecord    this record breaks its dataset's rules: one dead letter, neighbours go on
 ├─ StaleOwner       another owner moved these offsets: drop the batch, read the offsets again
 ├─ Fatal            going on would falsify data: stop with status 1
 └─ ConfigError      a setting is wrong: stop with status 78 before any I/O
"""

EX_OK = 0
EX_FAILED = 1
EX_USAGE = 2
EX_CONFIG = 78


class EconstreamError(Exception):
    """Base of all errors raised on purpose; its text is fit to be shown to a user."""


class Transient(EconstreamError):
    """Something outside is away, locked or full; the same call may succeed later."""


class InvalidRecord(EconstreamError):
    """A record breaks the rules of its dataset.

    `code` is stable and machine readable, `field` names the field at fault where
    one is, and the text gives the reason without the record's own bytes.
    """

    def __init__(self, code: str, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.field = field


class StaleOwner(EconstreamError):
    """The stored offsets are no longer those this owner started from."""


class Fatal(EconstreamError):
    """Going on would lose, double or falsify a record."""


class ConfigError(EconstreamError):
    """A setting is missing or wrong; the text names it and says what to do."""
