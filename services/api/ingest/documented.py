"""What OpenAPI says of posting rows, beside what the routes say themselves."""

from typing import Any

_ROW = {"type": "object", "description": "one row, with exactly the dataset's fields"}
_EXAMPLE = {"series_id": "MY_INDEX", "date": "2026-01-01", "value": 101.5}
_LINE = '{"series_id": "MY_INDEX", "date": "2026-01-01", "value": 101.5}\n'


def _text(name: str, place: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "description": description,
        "schema": {"type": "string", **schema},
    }


PARAMETERS = [
    _text("wait", "query", "answer when the store holds the rows", enum=["stored"]),
    _text(
        "as_of",
        "query",
        "since when the rows are known: a date, which means its end in UTC, or an RFC 3339 moment; "
        "without it the moment at which the broker takes them",
    ),
    _text(
        "source",
        "query",
        "who says so, as the rows' `source`; without it the key's name",
        minLength=1,
        maxLength=100,
    ),
    _text(
        "Idempotency-Key",
        "header",
        "a text of the sender's own for this request: sent again within a day, its rows are "
        "published once",
        minLength=1,
        maxLength=255,
        pattern=r"^[\x21-\x7e]+$",
    ),
]

BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"oneOf": [_ROW, {"type": "array", "items": _ROW, "minItems": 1}]},
            "example": [_EXAMPLE],
        },
        "application/x-ndjson": {"schema": {"type": "string"}, "example": _LINE},
    },
}

ACCEPTED = {
    "description": "the broker has acknowledged the rows that hold",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["accepted", "rejected", "topic", "offsets"],
                "properties": {
                    "accepted": {"type": "integer", "minimum": 1},
                    "rejected": {
                        "type": "array",
                        "description": "the first 1,000 refused rows",
                        "items": {
                            "type": "object",
                            "required": ["index", "field", "reason"],
                            "properties": {
                                "index": {"type": "integer", "description": "from 0"},
                                "field": {"type": ["string", "null"]},
                                "reason": {"type": "string"},
                            },
                        },
                    },
                    "rejected_count": {
                        "type": "integer",
                        "description": "how many were refused, where that is more",
                    },
                    "topic": {"type": "string"},
                    "offsets": {
                        "type": "object",
                        "description": "by partition, the offset of the last row there",
                        "additionalProperties": {"type": "integer"},
                    },
                    "stored": {"type": "boolean", "description": "where wait=stored was asked"},
                },
            },
            "example": {
                "accepted": 1,
                "rejected": [],
                "topic": "econ.fred_data",
                "offsets": {"2": 17},
            },
        }
    },
}
