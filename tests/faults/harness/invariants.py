"""What must hold after any fault, checked on what ledger, broker and database say."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from tests.faults.harness.broker import Arrived
from tests.faults.harness.ledger import Entry, Fate
from tests.reference import History, Known, KnownRun

Key = tuple[str, str]


class Invariant(StrEnum):
    """What every fault must leave true."""

    NOTHING_LOST = "every acknowledged record is stored or quarantined"
    NOTHING_INVENTED = "nothing is stored that was not sent as it stands"
    FINAL_VERSION = "each key's final version is the expected one"
    VERSIONS = "tables and revisions are the reference's"
    NEVER_BACK = "applied versions and offsets never go back"
    CONSUMED = "per partition consumed = stored + superseded + unchanged + quarantined"
    QUARANTINED = "each broken record is a dead letter once, and no other is"


class Broken(NamedTuple):
    """An invariant that does not hold, and on what."""

    invariant: Invariant
    what: str


class Version(NamedTuple):
    """A stored version of a key; `name` is that of the record which made it."""

    key: Key
    as_of: int
    confirmed_as_of: int
    value: int
    name: str
    partition: int
    offset: int
    current: bool


@dataclass(frozen=True)
class Evidence:
    """All that was found at the end, each from its own witness.

    topic      the broker's records by partition
    letters    partition and offset of the dead letters
    consumed   how many offsets of each partition the store says were read
    went_back  what a watcher saw going back
    """

    entries: Mapping[str, Entry]
    fates: Mapping[str, Fate]
    topic: Mapping[int, Sequence[Arrived]]
    versions: Sequence[Version]
    letters: Sequence[tuple[int, int]]
    consumed: Mapping[int, int]
    went_back: Sequence[str] = ()
    histories: dict[Key, History] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Apply the rule to the topic's records in their order."""
        histories: dict[Key, History] = defaultdict(History)
        for entry in self.arrived():
            if entry.value is not None:
                histories[entry.key].arrive(entry.as_of, Known(entry.value))
        self.histories.update(histories)

    def arrived(self) -> Iterator[Entry]:
        """Yield the topic's records that the ledger knows."""
        for record in chain.from_iterable(self.topic.values()):
            if record.name in self.entries:
                yield self.entries[record.name]


def judge(evidence: Evidence) -> list[Broken]:
    """Return what does not hold; nothing where all is well."""
    checks = (
        _lost, _invented, _final, _versions, _accounted, _quarantined
    )  # fmt: skip
    found = [broken for check in checks for broken in check(evidence)]
    return found + [Broken(Invariant.NEVER_BACK, what) for what in evidence.went_back]


def _lost(evidence: Evidence) -> Iterator[Broken]:
    """Whatever was acknowledged is on the topic, and known as of its moment, or is a letter."""
    arrived = {r.name: r for r in chain.from_iterable(evidence.topic.values())}
    letters = set(evidence.letters)
    covered = _Covered(evidence)
    for name, fate in evidence.fates.items():
        if fate is not Fate.ACKED:
            continue
        entry, record = evidence.entries[name], arrived.get(name)
        if record is None:
            yield Broken(Invariant.NOTHING_LOST, f"{name} is not on the topic")
        elif (record.partition, record.offset) not in letters and not covered.has(entry):
            yield Broken(Invariant.NOTHING_LOST, f"{name} is neither stored nor quarantined")


def _invented(evidence: Evidence) -> Iterator[Broken]:
    at = {(r.partition, r.offset): r.name for r in chain.from_iterable(evidence.topic.values())}
    for version in evidence.versions:
        fate = evidence.fates.get(version.name)
        if fate not in (Fate.ACKED, Fate.UNKNOWN):
            yield Broken(Invariant.NOTHING_INVENTED, f"{version.name} was told {fate}")
        elif at.get((version.partition, version.offset)) != version.name:
            yield Broken(Invariant.NOTHING_INVENTED, f"{version.name} does not stand where it says")


def _final(evidence: Evidence) -> Iterator[Broken]:
    """The newest as_of is current; of two, the later on the topic."""
    newest: dict[Key, tuple[int, int | None]] = {}
    for entry in evidence.arrived():
        if entry.value is not None and entry.as_of >= newest.get(entry.key, (0, 0))[0]:
            newest[entry.key] = (entry.as_of, entry.value)
    current = Counter(version.key for version in evidence.versions if version.current)
    found = {v.key: (v.confirmed_as_of, v.value) for v in evidence.versions if v.current}
    for key in newest.keys() | found.keys():
        if newest.get(key) != found.get(key) or current[key] != 1:
            what = f"{key}: {found.get(key)}, not {newest.get(key)}, {current[key]} rows"
            yield Broken(Invariant.FINAL_VERSION, what)


def _versions(evidence: Evidence) -> Iterator[Broken]:
    stored: dict[Key, list[KnownRun]] = defaultdict(list)
    for v in sorted(evidence.versions, key=lambda v: v.as_of):
        stored[v.key].append(KnownRun(v.as_of, v.confirmed_as_of, v.value, None))
    for key in stored.keys() | evidence.histories.keys():
        wanted = evidence.histories[key].runs() if key in evidence.histories else []
        if stored[key] != wanted:
            yield Broken(Invariant.VERSIONS, f"{key}: {stored[key]}, not {wanted}")


def _accounted(evidence: Evidence) -> Iterator[Broken]:
    """Every record that was read is accounted for in one of four ways, and all were read."""
    made = {(v.partition, v.offset) for v in evidence.versions}
    letters, covered = set(evidence.letters), _Covered(evidence)
    for partition, records in evidence.topic.items():
        ways: Counter[str] = Counter()
        for record in records:
            place = (record.partition, record.offset)
            entry = evidence.entries.get(record.name)
            if place in letters:
                ways["quarantined"] += 1
            elif place in made:
                ways["stored"] += 1
            elif entry is not None:
                ways[covered.way(entry)] += 1
        gone = ways.pop("lost", 0)
        if gone or ways.total() != evidence.consumed.get(partition):
            what = f"partition {partition}: {evidence.consumed.get(partition)} of {len(records)}"
            yield Broken(Invariant.CONSUMED, f"{what} consumed, {dict(ways)}, {gone} lost")


def _quarantined(evidence: Evidence) -> Iterator[Broken]:
    broken = {
        (record.partition, record.offset)
        for record in chain.from_iterable(evidence.topic.values())
        if (entry := evidence.entries.get(record.name)) is not None and entry.value is None
    }
    letters = Counter(evidence.letters)
    for place in broken | letters.keys():
        if letters[place] != (place in broken):
            what = f"{place} is {letters[place]} dead letters, {place in broken:d} expected"
            yield Broken(Invariant.QUARANTINED, what)


class _Covered:
    """Says of a record whether the stored versions have what it says of its moment."""

    def __init__(self, evidence: Evidence) -> None:
        self._histories = evidence.histories
        self._runs: dict[Key, list[Version]] = defaultdict(list)
        for version in evidence.versions:
            self._runs[version.key].append(version)

    def has(self, entry: Entry) -> bool:
        return self.way(entry) != "lost"

    def way(self, entry: Entry) -> str:
        """Return `unchanged` where a version says the same, `superseded` where none has to."""
        known = [run for run in self._runs[entry.key] if run.as_of <= entry.as_of]
        if known and max(known, key=lambda run: run.as_of).value == entry.value:
            return "unchanged"
        history = self._histories.get(entry.key)
        if entry.value is None or history is None:
            return "lost"
        return "lost" if history.known_at(entry.as_of) == entry.value else "superseded"
