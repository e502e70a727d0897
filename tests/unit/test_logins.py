"""A password as PostgreSQL keeps it, held to the exchange that RFC 7677 prints."""

import base64
import hashlib
import hmac
import secrets

import pytest
from pydantic import SecretStr

from shared.database.postgres import logins

SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
MESSAGE = (
    b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)
PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_server_can_tell_the_password_and_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_bytes", lambda _: SALT)
    said = logins.login_statement("econstream_api", SecretStr("pencil"))
    assert "pencil" not in said
    head, _, rest = said.partition("'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert head == "ALTER ROLE econstream_api LOGIN PASSWORD "
    stored, server = (base64.b64decode(part) for part in rest.removesuffix("'").split(":"))
    assert base64.b64encode(hmac.digest(server, MESSAGE, "sha256")).decode() == SIGNATURE
    mask = hmac.digest(stored, MESSAGE, "sha256")
    client = bytes(a ^ b for a, b in zip(base64.b64decode(PROOF), mask, strict=True))
    assert hashlib.sha256(client).digest() == stored


def test_no_two_are_alike() -> None:
    made = {logins.login_statement("econstream_api", SecretStr("pencil")) for _ in range(2)}
    assert len(made) == 2
