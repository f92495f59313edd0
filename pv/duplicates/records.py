"""What is compared of each report: its last version in columns, with how common its name and products are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, select

from pv import store
from pv.codes.products import keys_of, lots_of
from pv.duplicates.model import Model
from pv.reference import streams
from pv.schema import case_event, case_person, case_product, case_version
from pv.text import SEVERAL

Array = NDArray[Any]
KNOWN_SEX = ("male", "female")
TEXTS = ("name", "birth", "sex", "unit", "record", "outcome", "received")
NUMBERS = ("age", "onset", "name_share", "product_share")
SETS = ("products", "identifiers", "lots", "events")


@dataclass(frozen=True)
class Records:
    """Reports in columns; `columns` are those of TEXTS ("" unknown), NUMBERS (NaN unknown) and SETS (frozensets).

    onset is a day number; identifiers and lots are (product, key of the number) and (product, lot), however they were
    written; events are (kind, event);
    name_share and product_share are the shares of reports with this name, and with the commonest of these products.
    """

    numbers: tuple[str, ...]
    columns: Mapping[str, Array]

    def place(self) -> dict[str, int]:
        """Case number → position."""
        return {number: position for position, number in enumerate(self.numbers)}

    def take(self, positions: Sequence[int] | Array) -> Mapping[str, Array]:
        chosen = np.asarray(positions, dtype=np.int64)
        return {name: values[chosen] for name, values in self.columns.items()}


def records(connection: Connection, stream: str, cases: Collection[str], shares: Shares | None = None) -> Records:
    """The last versions of these cases, without those that are left out; shares are NaN where none are asked for."""
    versions = last_versions(connection, stream, cases)
    sets = _sets(connection, stream, cases)
    persons = _persons(connection, stream, cases)
    nobody = ("", "")
    columns: dict[str, list[Any]] = {name: [] for name in (*TEXTS, *NUMBERS, *SETS)}
    for version in versions:
        name, birth = persons.get(version.version_id, nobody)
        found = sets.get(version.version_id, {})
        values = {
            "name": name,
            "birth": birth,
            "sex": version.sex if version.sex in KNOWN_SEX else "",
            "unit": version.hospital,
            "record": version.record_hash,
            "outcome": "" if version.outcome == "unknown" else version.outcome,
            "received": version.received_on,
            "age": np.nan if version.age_years is None else version.age_years,
            "onset": date.fromisoformat(version.onset_on).toordinal() if version.onset_on else np.nan,
        }
        values |= {kind: frozenset(found.get(kind, ())) for kind in SETS}
        for column, value in values.items():
            columns[column].append(value)
    unknown = [np.nan] * len(versions)
    columns["name_share"], columns["product_share"] = (
        shares.of(connection, columns["name"], columns["products"]) if shares else (unknown, unknown)
    )
    numbers = tuple(str(version.case_number) for version in versions)
    return Records(numbers, {name: _array(name, values) for name, values in columns.items()})


def _array(name: str, values: Sequence[Any]) -> Array:
    if name in NUMBERS:
        return np.array(values, dtype=np.float64)
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells


def _of(connection: Connection, stream: str, cases: Collection[str]) -> ColumnElement[bool]:
    table = case_version.c
    return (table.stream == stream) & store.among(connection, table.case_number, sorted(cases))


def last_versions(connection: Connection, stream: str, cases: Collection[str]) -> list[Any]:
    table = case_version.c
    names = "version_id case_number left_out received_on onset_on sex age_years hospital outcome record_hash".split()
    wanted: Select[Any] = select(*(table[name] for name in names)).where(_of(connection, stream, cases))
    order = (table.case_number, table.effective_on, table.modified_on, table.version_id)
    last = {row.case_number: row for row in connection.execute(wanted.order_by(*order))}
    return [row for row in last.values() if row.left_out == ""]


def _persons(connection: Connection, stream: str, cases: Collection[str]) -> dict[int, tuple[str, str]]:
    wanted = select(case_person).join(case_version, case_version.c.version_id == case_person.c.version_id)
    rows = connection.execute(wanted.where(_of(connection, stream, cases)))
    return {row.version_id: (row.name_hash, row.birth_hash) for row in rows}


def _sets(connection: Connection, stream: str, cases: Collection[str]) -> dict[int, dict[str, set[Any]]]:
    """Version → products, identifiers, lots (of the roles that count) and events."""
    found: dict[int, dict[str, set[Any]]] = defaultdict(lambda: {name: set() for name in SETS})
    of, version = _of(connection, stream, cases), case_version.c.version_id
    table = case_product.c
    named = select(*(table[name] for name in ("version_id", "product", "identifier", "lot", "udi")))
    counted = named.join(case_version, version == table.version_id).where(of, table.role.in_(streams()[stream].roles))
    rows = store.read(connection, counted)
    keys, lots = keys_of(rows["identifier"], stream), lots_of(rows["lot"], rows["udi"])
    for version_id, product, key, lot in zip(rows["version_id"], rows["product"], keys, lots, strict=True):
        mine = found[version_id]
        mine["products"].add(product)
        mine["identifiers"] |= {(product, key)} if key else set()
        mine["lots"] |= {(product, one) for one in lot.split(SEVERAL) if one}
    events = select(case_event.c.version_id, case_event.c.kind, case_event.c.event)
    for version_id, kind, event in connection.execute(
        events.join(case_version, version == case_event.c.version_id).where(of)
    ):
        found[version_id]["events"].add((kind, event))
    return found


class Shares:
    """How common names and products are, and how many reports there are."""

    def __init__(self, connection: Connection, stream: str, model: Model) -> None:
        count = select(func.count()).select_from
        self._model = model
        self.reports = int(connection.execute(count(case_version).where(case_version.c.stream == stream)).scalar_one())
        self._named = int(connection.execute(count(case_person)).scalar_one())

    def of(
        self, connection: Connection, names: Sequence[str], products: Sequence[Collection[str]]
    ) -> tuple[list[float], list[float]]:
        """Shares of names, and of the commonest product of each set (NaN where there is none)."""
        name = self.names(_counted(connection, case_person.c.name_hash, set(names) - {""}))
        product = self.products(_counted(connection, case_product.c.product, set().union(*products)))
        return (
            [name.get(one, np.nan) for one in names],
            [max((product[one] for one in some), default=np.nan) for some in products],
        )

    def names(self, counts: Mapping[str, int]) -> dict[str, float]:
        frequency = self._model.frequencies["name"]
        return {name: frequency.of(count, self._named) for name, count in counts.items()}

    def products(self, counts: Mapping[str, int]) -> dict[str, float]:
        frequency = self._model.frequencies["product"]
        return {product: frequency.of(count, self.reports) for product, count in counts.items()}


def _counted(connection: Connection, column: Any, values: Iterable[str]) -> dict[str, int]:
    wanted = select(column, func.count()).where(store.among(connection, column, sorted(values))).group_by(column)
    return {str(value): int(count) for value, count in connection.execute(wanted)}
