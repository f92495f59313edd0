"""The reports that name what is asked for, as known at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from pv import cases, duplicates, reference, store
from pv.codes import hospitals
from pv.forms import learned
from pv.reference import Reference
from pv.schema import case_event, case_product, case_version
from pv.settings import Settings
from pv.text import age_band, lookup
from pv.tracing.question import COLUMNS, Asked, Question, Wordings, asked_of, groups, matches
from pv.tracing.waiting import search_waiting
from pv.week import instant_text

# What a report of the trace is: it counts; it tells the same event as another one, which counts; it is left out
# (deleted, marked as duplicate or misreport); a later version no longer names what is asked; it does not name it, but
# tells the same event as one that does.
STATES = ("counted", "merged", "left_out", "corrected", "partner")
NAMED = ("name", "identifier", "maker", "model", "lot", "udi", "role")
_ORDER = ["stream", "case_number", "effective_on", "modified_on", "version_id"]
_FACTS = "left_out received_on onset_on hospital sex age_years outcome serious death".split()
_REPORT = (
    "state stream case group merged_into left_out received_on onset_on hospital_id hospital district sex age_band "
    "outcome serious death events"
).split()


@dataclass(frozen=True)
class Trace:
    """The answer.

    `reports`: one row a report, newest first: state (of `STATES`), stream, case, group (the case as which it counts),
    merged_into, left_out, received_on, onset_on, hospital_id, hospital, district, sex, age_band, outcome, serious,
    death, events, and of the products meant `NAMED` (several joined by "; ").
    `products`: one row a product that a counted report names, asked for or of the same product as what is asked for:
    stream, case, group, product (its key), name, lot, udi, identifier, maker, received_on.
    `waiting`: quarantined reports that name it: stream, case, received_on, hospital, file, sheet, rows.
    `unsearched`: quarantined reports that could not be searched, for want of the key.
    """

    question: Question
    as_of: datetime
    area: str
    asked: tuple[Asked, ...]
    reports: pd.DataFrame
    products: pd.DataFrame
    waiting: pd.DataFrame
    unsearched: int


def trace(settings: Settings, question: Question, as_of: datetime) -> Trace:
    """All that is known of a lot, number or product at a moment. Raises ValueError where nothing is asked."""
    stamp = instant_text(as_of)
    streams = _streams(question)
    with store.reading(store.open_store(settings.database_url)) as connection:
        known = learned.reference_at(connection, stamp)
        asked = asked_of(question, Wordings(connection, known))
        candidates = _naming(connection, asked, streams, stamp)
        meant = candidates[matches(candidates, asked)]
        reports, versions = _reports(connection, meant, known, stamp)
        basis = meant[meant["version_id"].isin(versions)]
        if basis.empty:  # nobody has reported the lot: which lots of the product are known?
            basis = _without_lots(connection, asked, streams, stamp)
        products = _same_products(connection, basis, streams, stamp)
        waiting = cases.quarantined(connection, as_of, known, "en")
        waiting = waiting[waiting["stream"].isin(streams)]
        found, unsearched = search_waiting(connection, waiting, asked, settings.key)
    return Trace(question, as_of, known.root_area, tuple(asked), reports, products, found, unsearched)


def _streams(question: Question) -> list[str]:
    unknown = [name for name in question.streams if name not in reference.streams()]
    if unknown:
        raise ValueError(f"there is no stream {unknown[0]}; there are {', '.join(reference.streams())}")
    foreign = set(reference.foreign_streams())
    return list(question.streams) or [name for name in reference.streams() if question.foreign or name not in foreign]


def _naming(connection: Connection, asked: Sequence[Asked], streams: Sequence[str], stamp: str) -> pd.DataFrame:
    """Product rows of all versions, present or past, that hold all that are meant; fewest where a lot is asked for."""
    order = ("lot", "udi", "number", "product")
    group = min(groups(asked), key=lambda one: min(map(order.index, one.kinds)))
    columns = sorted({name for kind in group.kinds for name in COLUMNS[kind]})
    arms = [store.among(connection, case_product.c[name], sorted(group.wordings)) for name in columns]
    for pair in group.pairs:
        among = {name: store.among(connection, case_product.c[name], sorted(pair.lots)) for name in ("lot", "udi")}
        arms += [and_(among[name], case_product.c.identifier.in_(sorted(pair.numbers))) for name in ("lot", "udi")]
    return _rows(connection, or_(*arms), streams, stamp)


def _without_lots(connection: Connection, asked: Sequence[Asked], streams: Sequence[str], stamp: str) -> pd.DataFrame:
    """Product rows of what is asked besides lots."""
    others = [one for one in asked if not {"lot", "udi"} & set(one.kinds)]
    if not others:
        return pd.DataFrame(columns=["product", *NAMED], dtype="str")
    candidates = _naming(connection, others, streams, stamp)
    return candidates[matches(candidates, others)]


def _rows(connection: Connection, wanted: ColumnElement[bool], streams: Sequence[str], stamp: str) -> pd.DataFrame:
    """Product rows with the stream and number of their report, in their order.

    Two queries: for a join SQLite goes through all versions of a stream, which takes a second at 300,000 cases.
    """
    columns = [case_product.c[name] for name in ("version_id", "product", *NAMED)]
    rows = store.read(connection, select(*columns).where(wanted).order_by(case_product.c.case_product_id))
    versions = select(case_version.c.stream, case_version.c.case_number, case_version.c.version_id).where(
        store.among(connection, case_version.c.version_id, sorted(set(rows["version_id"]))),
        case_version.c.recorded_at <= stamp,
        case_version.c.stream.in_(streams),
    )
    return rows.merge(store.read(connection, versions), on="version_id", how="inner")


def _current(connection: Connection, numbers: pd.DataFrame, stamp: str, facts: Iterable[str]) -> pd.DataFrame:
    """The version of each report (stream, case_number) that is in force at a moment."""
    columns = [case_version.c[name] for name in (*_ORDER, *facts)]
    parts = []
    for stream, cases_of in numbers.groupby("stream", sort=True)["case_number"]:
        mine = (case_version.c.stream == stream) & store.among(
            connection, case_version.c.case_number, sorted(set(cases_of))
        )
        parts.append(store.read(connection, select(*columns).where(mine, case_version.c.recorded_at <= stamp)))
    if not parts:
        return store.read(connection, select(*columns).where(case_version.c.version_id < 0))
    found = pd.concat(parts, ignore_index=True).sort_values(_ORDER, kind="stable")
    return found.drop_duplicates(["stream", "case_number"], keep="last", ignore_index=True)


def _reports(
    connection: Connection, meant: pd.DataFrame, known: Reference, stamp: str
) -> tuple[pd.DataFrame, set[int]]:
    """The reports, and the versions of them that count and name what is asked."""
    own = meant[["stream", "case_number"]].drop_duplicates()
    with_partners = _with_partners(connection, own, stamp)
    current = _current(connection, with_partners, stamp, _FACTS).merge(with_partners, on=["stream", "case_number"])
    current = _with_states(current, meant)
    unit = hospitals.assign(current["hospital"], known.hospitals)
    districts = dict(zip(known.areas["code"], known.areas["name"], strict=True))
    district = lookup(unit, known.hospitals.set_index("hospital_id")["district"].to_dict())
    frame = current.rename(columns={"case_number": "case"}).assign(
        hospital_id=unit,
        district=lookup(district, districts),
        age_band=[age_band(years) for years in current["age_years"]],
        events=lookup(current["version_id"], _events(connection, current["version_id"].tolist())),
    )
    named = _named(current, meant)
    frame = pd.concat([frame, named], axis=1)
    frame = frame.sort_values(["received_on", "stream", "case"], ascending=[False, True, True], kind="stable")
    counts = set(current.loc[current["state"].isin(STATES[:2]), "version_id"])
    return frame[[*_REPORT, *NAMED]].reset_index(drop=True), counts


def _with_partners(connection: Connection, own: pd.DataFrame, stamp: str) -> pd.DataFrame:
    """The reports and those that tell the same events: stream, case_number, root."""
    parts = []
    for stream, numbers in own.groupby("stream", sort=True)["case_number"]:
        parent = duplicates.merges(connection, str(stream), stamp)
        roots = {number: duplicates.root(number, parent) for number in [*numbers, *parent, *parent.values()]}
        wanted = {roots[number] for number in numbers}
        of = sorted((number, root) for number, root in roots.items() if root in wanted)
        parts.append(pd.DataFrame(of, columns=["case_number", "root"], dtype="str").assign(stream=str(stream)))
    return pd.concat([own.iloc[:0].assign(root=""), *parts], ignore_index=True).astype("str")


def _with_states(current: pd.DataFrame, meant: pd.DataFrame) -> pd.DataFrame:
    """Add state, group and merged_into."""
    counted = current["left_out"] == ""
    order = current.assign(own=current["case_number"] != current["root"])[counted]
    order = order.sort_values(["stream", "root", "own", "case_number"], kind="stable").drop_duplicates(
        ["stream", "root"]
    )
    keeper = lookup(_joint(current, "root"), dict(zip(_joint(order, "root"), order["case_number"], strict=True)))
    merged = counted & (keeper != "") & (keeper != current["case_number"])
    names = current["version_id"].isin(meant["version_id"])
    named = _joint(current, "case_number").isin(_joint(meant, "case_number"))
    state = pd.Series("counted", index=current.index, dtype="str").mask(merged, "merged").mask(~counted, "left_out")
    state = state.mask(~names & named, "corrected").mask(~named, "partner")
    group = keeper.where(keeper != "", current["case_number"])
    return current.assign(state=state, group=group, merged_into=keeper.where(merged, ""))


def _joint(frame: pd.DataFrame, column: str) -> pd.Series[str]:
    return frame["stream"] + "\x1f" + frame[column]


def _named(current: pd.DataFrame, meant: pd.DataFrame) -> pd.DataFrame:
    """What the current version of a report, else the last one that named it, says of the products meant."""
    last = meant.groupby(["stream", "case_number"])["version_id"].transform("max")
    there = meant["version_id"].isin(current["version_id"])
    told = there.groupby([meant["stream"], meant["case_number"]]).transform("any")
    said = meant.assign(key=_joint(meant, "case_number"))[there | (~told & (meant["version_id"] == last))]
    columns = {}
    for name in NAMED:
        texts = said[said[name] != ""].drop_duplicates(["key", name])
        columns[name] = lookup(_joint(current, "case_number"), texts.groupby("key")[name].agg("; ".join).to_dict())
    return pd.DataFrame(columns, index=current.index)


def _events(connection: Connection, versions: list[int]) -> dict[int, str]:
    statement = (
        select(case_event.c.version_id, case_event.c.event)
        .where(store.among(connection, case_event.c.version_id, versions))
        .order_by(case_event.c.case_event_id)
    )
    terms: dict[int, dict[str, None]] = {}
    for version, event in connection.execute(statement):
        terms.setdefault(version, {})[event] = None
    return {version: "; ".join(found) for version, found in terms.items()}


def _same_products(connection: Connection, meant: pd.DataFrame, streams: Sequence[str], stamp: str) -> pd.DataFrame:
    """Rows of counted reports that name the same products: the same number, else the same name of the same maker."""
    columns = "stream case group product name lot udi identifier maker received_on".split()
    keys = sorted(set(meant["product"]))
    if not keys:
        return pd.DataFrame(columns=columns, dtype="str")
    numbers, makers = (sorted(set(meant[name]) - {""}) for name in ("identifier", "maker"))
    product, number = case_product.c.product, case_product.c.identifier
    named = store.among(connection, product, keys)
    wanted = or_(store.among(connection, number, numbers), and_(named, number == "")) if numbers else named
    rows = _rows(connection, wanted, streams, stamp)
    current = _current(connection, rows[["stream", "case_number"]], stamp, ("left_out", "received_on"))
    counted = current[current["left_out"] == ""].set_index("version_id")["received_on"]
    rows = rows[rows["version_id"].isin(counted.index)]
    same = rows["identifier"].isin(numbers) | (rows["maker"] == "") | (rows["maker"].isin(makers) | (not makers))
    rows = rows[same].assign(received_on=lambda frame: frame["version_id"].map(counted).astype("str"))
    rows = rows.assign(group=_roots(connection, rows, stamp)).rename(columns={"case_number": "case"})
    return rows[columns].drop_duplicates(ignore_index=True)


def _roots(connection: Connection, rows: pd.DataFrame, stamp: str) -> pd.Series[str]:
    """The case as which each report counts."""
    group = rows["case_number"].copy()
    for stream, numbers in rows.groupby("stream", sort=True)["case_number"]:
        parent = duplicates.merges(connection, str(stream), stamp)
        group[numbers.index] = [duplicates.root(number, parent) for number in numbers]
    return group
