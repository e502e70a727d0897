"""What follows from a declaration, and which declarations are refused."""

import datetime as dt
from typing import Annotated, Any

import pyarrow as pa
import pytest
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, model_validator

from shared.columns import INT64_MAX, INT64_MIN, Kind
from shared.dataset import (
    BOOKKEEPING,
    LINEAGE,
    QUERY_PARAMETERS,
    Bigint,
    Code,
    Dataset,
    Row,
    Timestamp,
    Unit,
)
from shared.registry import discover


class Reading(Row):
    """Readings of a gauge."""

    gauge: Annotated[Code, Field(description="which gauge")]
    taken: Timestamp
    level: Annotated[float | None, Field(description="its level"), Unit("m")]
    times: Bigint | None
    label: Annotated[Code | None, Field(description="a label")] = None
    tags: list[str]
    day: dt.date | None
    sure: bool = True


def declare(row: type[BaseModel] = Reading, **changes: Any) -> Dataset:
    given: dict[str, Any] = {
        "name": "readings",
        "key": ("gauge", "taken"),
        "time": "taken",
        "cadence": "daily",
    }
    return Dataset(row=row, **given | changes)  # type: ignore[arg-type]  # wrong rows are the point


def row_with(annotation: Any, default: Any = ..., **config: Any) -> type[Row]:
    """Return a row like Reading with a field `extra` of this annotation."""
    names = {"extra": annotation}
    body: dict[str, Any] = {"__annotations__": names, "__doc__": "d", "__module__": __name__}
    if default is not ...:
        body["extra"] = default
    if config:
        body["model_config"] = ConfigDict(**config)  # type: ignore[typeddict-item]  # any config
    return type("Odd", (Reading,), body)


def test_columns_are_the_fields_of_the_row_in_their_order() -> None:
    columns = declare().columns
    assert [column.name for column in columns] == list(Reading.model_fields)
    assert [column.kind for column in columns] == [
        Kind.TEXT,
        Kind.TIMESTAMP,
        Kind.FLOAT,
        Kind.BIGINT,
        Kind.TEXT,
        Kind.TEXTS,
        Kind.DATE,
        Kind.BOOLEAN,
    ]
    assert [c.name for c in columns if c.nullable] == ["level", "times", "label", "day"]
    assert {c.name: c.default for c in columns if c.has_default} == {"label": None, "sure": True}
    level, label = declare().column("level"), declare().column("label")
    assert (level.comment, level.unit, level.versioned) == ("its level", "m", True)
    assert (label.min_length, label.max_length, label.comment) == (1, 200, "a label")
    assert declare().column("taken").comment == "taken"
    assert declare(unversioned=("level",)).column("level").versioned is False


def test_names_and_schemas_follow_from_the_declaration() -> None:
    dataset = declare(filterable=("label", "gauge"))
    assert dataset.topic("econ.") == "econ.readings"
    assert dataset.entity == "gauge"
    assert dataset.revisions == "readings_revisions"
    assert dataset.documentation == "Readings of a gauge."
    assert dataset.selectable == ("gauge", "taken", "label")
    assert [c.name for c in dataset.values] == list(Reading.model_fields)[2:]
    assert dataset.stored == dataset.columns + BOOKKEEPING + LINEAGE
    assert declare(versioned=False).stored == dataset.columns + LINEAGE
    assert dataset.arrow_schema.field("taken") == pa.field(
        "taken", pa.timestamp("us", "UTC"), nullable=False
    )
    assert dataset.stored_schema.names == [column.name for column in dataset.stored]
    with pytest.raises(KeyError):
        dataset.column("nothing")


def test_the_json_schema_says_what_a_message_holds() -> None:
    schema = declare().json_schema()
    assert schema["$schema"].startswith("https://json-schema.org/draft/2020-12/")
    assert schema["title"] == "readings"
    assert schema["description"] == "Readings of a gauge."
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["gauge", "taken", "level", "times", "tags", "day"]
    assert (schema["x-key"], schema["x-entity"]) == (["gauge", "taken"], "gauge")
    fields = schema["properties"]
    assert fields["gauge"]["maxLength"] == 200
    assert fields["taken"]["format"] == "date-time"
    assert fields["sure"]["default"] is True
    assert fields["times"]["anyOf"] == [
        {"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX},
        {"type": "null"},
    ]


@pytest.mark.parametrize("dataset", discover(), ids=lambda d: d.name)
def test_a_built_in_dataset_documents_every_column(dataset: Dataset) -> None:
    assert len(dataset.documentation) > 30
    for column in dataset.columns:
        assert column.comment != column.name.replace("_", " "), column.name
    assert not dataset.needs_law, "its rules keep whole columns from being read at once"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Readings"}, "a-z"),
        ({"name": "read-ings"}, "a-z"),
        ({"name": "r; DROP TABLE x"}, "a-z"),
        ({"name": "1st"}, "a-z"),
        ({"name": ""}, "a-z"),
        ({"name": "r" * 41}, "at most 40"),
        ({"name": "readings\n"}, "a-z"),
        ({"alias": "no alias"}, "a-z"),
        ({"name": "readings_revisions"}, "derived"),
        ({"name": "readings_as_of"}, "derived"),
        ({"name": "dead_letters"}, "taken"),
        ({"name": "consumer_offsets"}, "taken"),
        ({"key": ()}, "key"),
        ({"key": ("gauge", "gauge")}, "each once"),
        ({"key": ("gauge", "nothing")}, "nothing"),
        ({"key": ("taken", "gauge")}, "message key"),
        ({"key": ("gauge", "level")}, "not null"),
        ({"key": ("gauge", "sure")}, "must be given"),
        ({"key": ("gauge", "tags")}, "identifies nothing"),
        ({"time": "nothing"}, "nothing"),
        ({"time": "level"}, "neither date nor timestamp"),
        ({"filterable": ("nothing",)}, "nothing"),
        ({"unversioned": ("nothing",)}, "nothing"),
        ({"unversioned": ("taken",)}, "unversioned"),
        ({"schema_version": 0}, "begin with 1"),
    ],
)
def test_a_wrong_declaration_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        declare(**changes)


@pytest.mark.parametrize(
    "annotation",
    [
        dict[str, str],
        list[int],
        list[str | None],
        dt.datetime,
        dt.time,
        bytes,
        int | float,
        str | int | None,
        Any,
        None,
        complex,
        Reading,
    ],
    ids=str,
)
def test_a_type_without_a_column_is_refused(annotation: Any) -> None:
    with pytest.raises(TypeError, match="column"):
        declare(row_with(annotation))


@pytest.mark.parametrize(
    ("annotation", "default"),
    [
        (bool, None),
        (int, 1.5),
        (int, True),
        (float, "1"),
        (dt.date, "2020-01-01"),
        (str, Field(default_factory=str)),
        (str, Field(alias="other")),
        (str, Field(validation_alias="other")),
    ],
)
def test_a_default_is_a_constant_of_the_type_of_a_field_with_one_name(
    annotation: Any, default: Any
) -> None:
    with pytest.raises(TypeError, match="extra"):
        declare(row_with(annotation, default))


@pytest.mark.parametrize(
    "config",
    [
        {"strict": False},
        {"extra": "ignore"},
        {"allow_inf_nan": True},
        {"str_strip_whitespace": True},
        {"coerce_numbers_to_str": True},
        {"alias_generator": AliasGenerator(str.upper)},
    ],
)
def test_a_row_stays_strict(config: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        declare(row_with(str, **config))


def test_a_row_may_be_titled() -> None:
    assert declare(row_with(str, title="A reading")).column("extra").kind is Kind.TEXT


def test_a_row_is_a_row_and_documented() -> None:
    class Plain(BaseModel):
        """No Row."""

        gauge: Code
        taken: Timestamp

    class Silent(Row):
        gauge: Code
        taken: Timestamp

    with pytest.raises(TypeError, match="no Row"):
        declare(Plain)
    with pytest.raises(TypeError, match="docstring"):
        declare(Silent)


@pytest.mark.parametrize("taken", ["as_of", "source", "kafka_offset", "updated_at", "known_from"])
def test_the_bookkeeping_columns_are_not_for_rows(taken: str) -> None:
    row = type("Odd", (Reading,), {"__annotations__": {taken: str}, "__doc__": "d"})
    with pytest.raises(TypeError, match=taken):
        declare(row)


@pytest.mark.parametrize("name", ["Level", "le vel", "größe", "x" * 61])
def test_a_column_name_is_fit_for_sql(name: str) -> None:
    row = type("Odd", (Reading,), {"__annotations__": {name: str}, "__doc__": "d"})
    with pytest.raises(TypeError, match="a name is"):
        declare(row)


@pytest.mark.parametrize("name", sorted(QUERY_PARAMETERS - {"as_of"}))
def test_what_a_query_means_otherwise_is_no_filter(name: str) -> None:
    row = type("Odd", (Reading,), {"__annotations__": {name: str}, "__doc__": "d"})
    assert declare(row).column(name).kind is Kind.TEXT
    with pytest.raises(TypeError, match=name):
        declare(row, filterable=(name,))


def test_a_text_in_the_key_is_bounded() -> None:
    with pytest.raises(TypeError, match="longest length"):
        declare(row_with(str), key=("gauge", "extra"))


@pytest.mark.parametrize(
    ("annotation", "needs_law"),
    [
        (Code | None, False),
        (Annotated[str | None, Field(max_length=5)], False),
        (Bigint | None, False),
        (int, False),
        (Annotated[int, Field(ge=0)], True),
        (Annotated[int | None, Field(le=5)], True),
        (Annotated[float, Field(ge=INT64_MIN)], True),
        (Annotated[float, Field(gt=0)] | None, True),
        (Annotated[str, Field(pattern="a")], True),
        (Annotated[list[str], Field(min_length=1)], True),
        (Annotated[float, Field(multiple_of=2)], True),
    ],
    ids=str,
)
def test_rules_that_whole_columns_cannot_keep_need_the_law(
    annotation: Any, needs_law: bool
) -> None:
    assert declare(row_with(annotation)).needs_law is needs_law


def test_a_validator_of_the_row_needs_the_law() -> None:
    class Checked(Reading):
        """Readings that are checked."""

        @model_validator(mode="after")
        def _check(self) -> "Checked":
            return self

    assert declare(Checked).needs_law
