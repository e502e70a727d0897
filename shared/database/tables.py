"""What tables there are, with their columns and keys: for DDL, for drift, for either database."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.columns import Column, Kind
from shared.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in order, its primary key, and what its comment says."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    comment: str
    unique: tuple[str, ...] = ()
    is_dataset: bool = False


def _text(name: str, comment: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.TEXT, comment, nullable)


def _big(name: str, comment: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.BIGINT, comment, nullable)


def _when(name: str, comment: str, *, nullable: bool = False) -> Column:
    return Column(name, Kind.TIMESTAMP, comment, nullable)


_PARTITION = (
    _text("cluster_id", "cluster that the topic is on"),
    _text("topic", "the topic"),
    Column("partition", Kind.INTEGER, "its partition", nullable=False),
)

DEAD_LETTERS = Table(
    "dead_letters",
    (
        Column("id", Kind.IDENTITY, "number of the letter", nullable=False),
        _text("cluster_id", "cluster of the topic; with ~ and id where that was made anew since"),
        *_PARTITION[1:],
        _big("offset", "offset of the message"),
        _text("dataset", "dataset whose topic it came on"),
        _when("message_timestamp", "the message's own timestamp", nullable=True),
        _when("as_of", "as_of of the record; null where it could not be read", nullable=True),
        Column("key", Kind.BYTES, "the message's key"),
        Column("value", Kind.BYTES, "the message's bytes; null for a tombstone"),
        _text("headers", "the headers as a JSON array of [name, base64 of the value]"),
        _text("error_code", "stable name of the fault"),
        _text("reason", "why the record was refused"),
        _text("field", "the field at fault", nullable=True),
        Column("attempts", Kind.INTEGER, "how often it was read", nullable=False),
        _when("created_at", "when it was put here"),
        _when("resolved_at", "when it was stored or discarded", nullable=True),
        _text("resolution", "how it was resolved", nullable=True),
    ),
    key=("id",),
    unique=("cluster_id", "topic", "partition", "offset"),
    comment="Messages that broke their dataset's rules, raw, with the reason.",
)

CONSUMER_OFFSETS = Table(
    "consumer_offsets",
    (
        _PARTITION[0],
        _text("group_id", "consumer group"),
        *_PARTITION[1:],
        Column("epoch", Kind.INTEGER, "rises when the topic is read anew", nullable=False),
        _big("next_offset", "first offset that is not stored yet"),
        _big("first_offset", "offset that the epoch began to read at", nullable=True),
        _big("last_offset", "offset of the last record that was stored", nullable=True),
        _big("last_timestamp", "timestamp of that record, ms", nullable=True),
        _big("last_crc32", "CRC-32 of the value of that record", nullable=True),
        _when("updated_at", "when it last moved"),
    ),
    key=("cluster_id", "group_id", "topic", "partition"),
    comment="How far each partition is stored; moved in the transaction that stores the rows.",
)

API_KEYS = Table(
    "api_keys",
    (
        _text("id", "the visible beginning of the key"),
        _text("name", "what its owner calls it", nullable=True),
        Column("digest", Kind.BYTES, "HMAC-SHA256 of the whole key", nullable=False),
        _text("pepper", "which API_KEY_PEPPER that was made with"),
        Column("scopes", Kind.TEXTS, "what it may do: read, ingest, admin", nullable=False),
        Column("datasets", Kind.TEXTS, "the only datasets it is good for; null for all"),
        _when("created_at", "when it was made"),
        _when("expires_at", "when it ends by itself; null for never", nullable=True),
        _when("revoked_at", "when it was revoked", nullable=True),
        _when("last_used_at", "when it was last used, to the minute or so", nullable=True),
    ),
    key=("id",),
    comment="Keys of the API; their text is stored nowhere.",
)


def tables(datasets: Iterable[Dataset]) -> list[Table]:
    """Return all tables: for each dataset its own and its revisions, then the bookkeeping."""
    found: list[Table] = []
    for dataset in datasets:
        comment = " ".join(dataset.documentation.split())
        found.append(Table(dataset.name, dataset.stored, dataset.key, comment, is_dataset=True))
        if dataset.versioned:
            note = f"Earlier versions of {dataset.name}, and later ones that were withdrawn."
            key = (*dataset.key, "as_of")
            found.append(Table(dataset.revisions, dataset.stored, key, note))
    return [*found, DEAD_LETTERS, CONSUMER_OFFSETS, API_KEYS]
