"""The roles of PostgreSQL: what loader, processor and API may do, each no more than it needs.

They cannot log in; whoever does is made a member: `CREATE USER … IN ROLE econstream_api`.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from shared.database.sql import listed, quote
from shared.database.tables import API_KEYS, CONSUMER_OFFSETS, DEAD_LETTERS
from shared.dataset import Dataset

LOADER, PROCESSOR, API = ROLES = ("econstream_loader", "econstream_processor", "econstream_api")
_READ, _WRITE = ("SELECT",), ("SELECT", "INSERT", "UPDATE")

Right = tuple[str, str, str]
"""Role, table and privilege; a privilege on columns alone names them: `UPDATE (resolution)`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Privileges of a role on some tables and views, or on some columns of them."""

    role: str
    privileges: tuple[str, ...]
    tables: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def rights(self) -> Iterator[Right]:
        """Each right by itself."""
        for table in self.tables:
            for privilege in self.privileges:
                if not self.columns:
                    yield self.role, table, privilege
                for column in self.columns:
                    yield self.role, table, f"{privilege} ({column})"

    @property
    def statement(self) -> str:
        """The statement that grants them, where there is such a role."""
        columns = f" ({listed(self.columns)})" if self.columns else ""
        privileges = ", ".join(f"{privilege}{columns}" for privilege in self.privileges)
        tables = ", ".join(quote(table) for table in self.tables)
        return (
            "DO $$ BEGIN\n"
            f"  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{self.role}') THEN\n"
            f"    GRANT {privileges} ON {tables} TO {self.role};\n  END IF;\nEND $$"
        )


def grants(datasets: Iterable[Dataset]) -> list[Grant]:
    """Return all that the roles may do."""
    declared = list(datasets)
    current = tuple(dataset.name for dataset in declared)
    revisions = tuple(dataset.revisions for dataset in declared if dataset.versioned)
    views = tuple(f"{dataset.name}_versions" for dataset in declared if dataset.versioned)
    letters, offsets, keys = DEAD_LETTERS.name, CONSUMER_OFFSETS.name, API_KEYS.name
    found = [
        Grant(LOADER, _WRITE, (*current, *revisions, letters, offsets)),
        # The rule of versions joins two runs into one, and none of it deletes a current row.
        Grant(LOADER, ("DELETE",), revisions),
        Grant(LOADER, _READ, views),
        # All bars of a ticker, and whether the loader has stored what the topic holds.
        Grant(PROCESSOR, _READ, (*current, offsets)),
        Grant(PROCESSOR, ("SELECT", "INSERT"), (letters,)),
        Grant(API, _READ, (*current, *revisions, *views, letters, offsets)),
        Grant(API, _WRITE, (keys,)),
        Grant(API, ("UPDATE",), (letters,), ("resolved_at", "resolution")),
    ]
    return [grant for grant in found if grant.tables]


def role_statements(datasets: Iterable[Dataset]) -> list[str]:
    """Return the statements that make the roles, where one may, and grant them their rights."""
    made = [
        f"DO $$ BEGIN\n  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{role}') THEN\n"
        f"    CREATE ROLE {role} NOLOGIN;\n  END IF;\n"
        "EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;\n"
        "END $$"
        for role in ROLES
    ]
    return [*made, *(grant.statement for grant in grants(datasets))]


@dataclass(frozen=True, slots=True)
class LiveRoles:
    """The roles as the catalogue has them, and whether more may be made."""

    names: frozenset[str] = frozenset()
    rights: frozenset[Right] = frozenset()
    may_create: bool = False


def role_faults(
    datasets: Iterable[Dataset], live: LiveRoles, standing: Container[str]
) -> tuple[dict[str, str], list[str]]:
    """Return what is missing, each with what is done where it is mended, and what is too much.

    Rights on what is not `standing` yet come with it. Roles belong to the whole server: one
    that is not there, and may not be made, is let be.
    """
    missing: dict[str, str] = {}
    declared: dict[str, set[Right]] = {role: set() for role in ROLES}
    for grant in grants(datasets):
        declared[grant.role].update(r for r in grant.rights if r[1] in standing)
    for role, rights in declared.items():
        if role not in live.names:
            if live.may_create:
                missing[f"role {role} is missing"] = f"created role {role}"
        elif rights - live.rights:
            missing[f"role {role} lacks rights"] = f"granted role {role} its rights"
    every = {right for rights in declared.values() for right in rights}
    known = {table for _, table, _ in every}
    excess = sorted(r for r in live.rights - every if r[1] in known)
    return missing, [f"role {role} may {what} {table}: revoke it" for role, table, what in excess]
