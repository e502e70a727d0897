"""Logins for the roles of PostgreSQL, so that a service needs no more rights than its own."""

import base64
import hashlib
import hmac
import secrets

from pydantic import SecretStr

_ROUNDS = 4096
"""PostgreSQL's own number, and the least that RFC 7677 allows."""


def login_statement(role: str, password: SecretStr) -> str:
    """Return the statement that lets a role log in with a password.

    The password stands in it as PostgreSQL keeps it, by SCRAM-SHA-256 (RFC 5803), so that it is
    in no log of the server's. Each call returns another, as the salt is new.
    """
    return f"ALTER ROLE {role} LOGIN PASSWORD '{_verifier(password.get_secret_value())}'"


def _verifier(password: str) -> str:
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    found = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return "SCRAM-SHA-256${rounds}:{}${}:{}".format(*found, rounds=_ROUNDS)
