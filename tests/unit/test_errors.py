"""Errors say how to react to them."""

import pytest

from shared.errors import (
    ConfigError,
    EconstreamError,
    Fatal,
    InvalidRecord,
    StaleOwner,
    Transient,
)


def test_an_invalid_record_says_what_is_wrong_and_where() -> None:
    error = InvalidRecord("too_long", "over 200 characters", "ticker")
    assert (error.code, error.reason, error.field) == ("too_long", "over 200 characters", "ticker")
    assert str(error) == "over 200 characters"
    assert InvalidRecord("empty", "no value").field is None


@pytest.mark.parametrize("kind", [ConfigError, Fatal, InvalidRecord, StaleOwner, Transient])
def test_no_reaction_covers_another(kind: type[Exception]) -> None:
    assert kind.__bases__ == (EconstreamError,)
