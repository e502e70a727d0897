"""The numbers of dead letters, which each database gives by itself."""

from shared.database.base import Database


async def raise_numbers(database: Database) -> None:
    """Let new dead letters be numbered past those that came with their numbers."""
    if database.backend == "postgresql":
        await database.execute(
            "SELECT setval(pg_get_serial_sequence('dead_letters', 'id'), "
            "(SELECT greatest(max(id), (SELECT last_value FROM dead_letters_id_seq)) "
            "FROM dead_letters)) WHERE EXISTS (SELECT 1 FROM dead_letters)"
        )
        return
    await database.execute(
        "SELECT max(nextval('dead_letters_id')) FROM range((SELECT greatest(0, "
        "coalesce(max(id), 0) - coalesce((SELECT last_value FROM duckdb_sequences() "
        "WHERE sequence_name = 'dead_letters_id'), 0)) FROM dead_letters))"
    )
