"""Reads a dataset's row, field by field, and refuses what could not be stored as declared."""

import datetime as dt
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, cast, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from shared.columns import INT64_MAX, INT64_MIN, Column, Kind

_BY_PYTHON_TYPE: dict[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.BIGINT,
    float: Kind.FLOAT,
    bool: Kind.BOOLEAN,
    dt.date: Kind.DATE,
    AwareDatetime: Kind.TIMESTAMP,
    list[str]: Kind.TEXTS,
}
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """Metadata of a field: the unit its figures are in."""

    name: str


def read_field(name: str, info: FieldInfo, *, versioned: bool) -> Column:
    """Return the column that a row's field declares.

    Raises TypeError for a type that no column can hold, a default that is not of the
    field's type or made by a function, and a second name.
    """
    metadata: list[Any] = list(info.metadata)
    kind, nullable = _read_annotation(info.annotation, metadata)
    if info.default_factory or info.alias or info.validation_alias:
        raise TypeError(f"{name}: a field has one name, and its default is a constant")
    given = info.default is not PydanticUndefined
    if given:
        _check_default(name, info)
    minimum, maximum, unit = (_last(metadata, kind) for kind in (MinLen, MaxLen, Unit))
    return Column(
        name=name,
        kind=kind,
        comment=info.description or name.replace("_", " "),
        nullable=nullable,
        has_default=given,
        default=info.default if given else None,
        unit=unit.name if unit else None,
        versioned=versioned,
        min_length=minimum.min_length if minimum else None,
        max_length=maximum.max_length if maximum else None,
        plain=all(_is_plain(kind, rule) for rule in metadata),
    )


def check_identifier(name: str, longest: int) -> None:
    """Raise TypeError unless a name is fit to stand in SQL, in a topic and in a URL."""
    if not _IDENTIFIER.fullmatch(name) or len(name) > longest:
        raise TypeError(f"{name!r}: a name is a-z, 0-9 and _, at most {longest} characters")


def has_validators(row: type[BaseModel]) -> bool:
    """Return whether a row has rules of its own, which only the model can apply."""
    rules = row.__pydantic_decorators__
    return bool(
        rules.validators
        or rules.field_validators
        or rules.root_validators
        or rules.model_validators
    )


def _read_annotation(annotation: Any, metadata: list[Any]) -> tuple[Kind, bool]:
    """Return a field's type and whether it may be null; rules on the way go to `metadata`."""
    if get_origin(annotation) is Annotated:
        inner, *rules = get_args(annotation)
        metadata += [rule for given in rules for rule in _flat(given)]
        return _read_annotation(inner, metadata)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        if len(members) != 1:
            raise TypeError(f"a column has one type, not {annotation}")
        return _read_annotation(members[0], metadata)[0], len(members) < len(get_args(annotation))
    if annotation not in _BY_PYTHON_TYPE:
        raise TypeError(f"no column type for {annotation}: use one of {list(_BY_PYTHON_TYPE)}")
    return _BY_PYTHON_TYPE[annotation], False


def _flat(rule: Any) -> Iterator[Any]:
    if isinstance(rule, FieldInfo):
        yield from rule.metadata
    else:
        yield rule


def _last(metadata: list[Any], kind: type[Any]) -> Any:
    return next((rule for rule in reversed(metadata) if isinstance(rule, kind)), None)


def _is_plain(kind: Kind, rule: Any) -> bool:
    """Return whether reading whole columns keeps a rule as the model does."""
    match rule:
        case Unit():
            return True
        case MinLen() | MaxLen():
            return kind is Kind.TEXT
        case Ge(ge=bound):
            return kind is Kind.BIGINT and bound == INT64_MIN
        case Le(le=bound):
            return kind is Kind.BIGINT and bound == INT64_MAX
    return False


def _check_default(name: str, info: FieldInfo) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", info.annotation))
    try:
        adapter.validate_python(info.default, strict=True)
    except ValidationError as exc:
        raise TypeError(f"{name}: {info.default!r} is no value of its type") from exc
