"""Case versions → the view of a week at a moment (two time axes), for counting and for line lists.

The view of week W at moment T: per case the latest version with recorded_at ≤ T and effective_on ≤ end of W, unless
it is left out (deleted, marked as duplicate or misreport); merged cases count as one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from pv import duplicates, messages, quarantine, store
from pv.codes import events, hospitals, mappings, products, synonyms
from pv.reference import Reference, streams
from pv.schema import case_event, case_product, case_version
from pv.sources.forms import STREAM as FORMS
from pv.text import age_band, lookup
from pv.week import Week, instant_text

OPEN_END = 2**31 - 1
_WRITTEN_YES = ("yes", "1", "true", "是")
_FIRST_MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True)
class StreamView:
    """What is counted of one stream, as known at a moment.

    `cases`: one row per *segment*, a span of weeks in which one case (a merged group is one case) reads the same; most
    cases have one. Columns case, start and end (Week.index, end exclusive), received (Week.index), serious, death, new,
    hospital, onset_on (ISO, "" unknown), sex (code), age_years (NaN unknown), district (area code of the hospital),
    sentinel (whether it is a sentinel hospital). A segment is in the view of week w when start ≤ w < end.
    `products`: segment, one text column per product level, and used_from (ISO, "" unknown); counted roles only. A cell
    may hold several lots or ingredients, joined by `pv.text.SEVERAL`.
    `events`: segment, kind, event.
    """

    stream: str
    cases: pd.DataFrame
    products: pd.DataFrame
    events: pd.DataFrame


def week_index(days: pd.Series[str]) -> np.ndarray:
    """Week.index of ISO days."""
    since = days.to_numpy(dtype="datetime64[D]") - _FIRST_MONDAY
    return since.astype("int64") // 7


class StreamCases:
    """All versions of one stream known at a moment, with hospitals, synonyms and merges applied."""

    def __init__(self, connection: Connection, stream: str, as_of: datetime, reference: Reference) -> None:
        self.stream = stream
        self._definition = streams()[stream]
        stamp = instant_text(as_of)
        known = (case_version.c.stream == stream) & (case_version.c.recorded_at <= stamp)
        self._versions = self._spans(store.read(connection, select(case_version).where(known)), reference)
        join = case_version.c.version_id
        products_of = (
            select(case_product)
            .join(case_version, join == case_product.c.version_id)
            .where(known)
            .order_by(case_product.c.case_product_id)
        )
        events_of = (
            select(case_event)
            .join(case_version, join == case_event.c.version_id)
            .where(known)
            .order_by(case_event.c.case_event_id)
        )
        products_read = store.read(connection, products_of)
        self._products = products.resolved(
            synonyms.numbers_as(products_read, stream, reference).assign(as_written=products_read["identifier"]),
            stream,
            _tables(reference, stream),
        )
        self._events = events.resolved(
            store.read(connection, events_of),
            synonyms.mapping_of(reference, stream, "event"),
            reference.meddra,
            self._definition.meddra,
        )
        self._reference = reference
        self._parent = duplicates.merges(connection, stream, stamp)

    @staticmethod
    def _spans(versions: pd.DataFrame, reference: Reference) -> pd.DataFrame:
        """Versions in their order, with start and end week and the hospital's id."""
        versions = versions.sort_values(
            ["case_number", "effective_on", "modified_on", "version_id"], kind="stable", ignore_index=True
        )
        versions["start"] = week_index(versions["effective_on"])
        following = versions.groupby("case_number")["start"].shift(-1)
        versions["end"] = following.fillna(OPEN_END).astype("int64")
        versions["number"] = versions.groupby("case_number").cumcount() + 1
        units = reference.hospitals.set_index("hospital_id")
        versions["hospital_id"] = hospitals.assign(versions["hospital"], reference.hospitals)
        versions["district"] = lookup(versions["hospital_id"], units["district"].to_dict())
        versions["sentinel"] = versions["hospital_id"].isin(units.index[units["sentinel"].isin(_WRITTEN_YES)])
        return versions

    def wordings(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Versions, products and events as stored, with hospitals and synonyms applied and nothing left out."""
        return self._versions, self._products, self._events

    @cached_property
    def _labelled(self) -> pd.DataFrame:
        """Counted products with the label of the default level in `product`."""
        counted = self._products[self._products["role"].isin(self._definition.roles)].reset_index(drop=True)
        counted["product"] = products.labelled(counted)
        return counted

    def product_names(self) -> dict[tuple[str, str], str]:
        """(level, product) → the product with which it is reported most, for levels that do not tell it themselves."""
        columns = self._definition.levels
        unnamed = [level for level, column in columns.items() if column in products.UNNAMED]
        named = {level: products.names(self._labelled, columns[level]) for level in unnamed}
        return {(level, product): name for level, of in named.items() for product, name in of.items()}

    def view(self, as_filed: bool = False, event_kinds: Collection[str] = ()) -> StreamView:
        """The stream's segments with their products and events.

        `as_filed` takes every report for a case of its own. `event_kinds`: those of `Stream.event_levels` that are
        wanted beside the terms.
        """
        segments = self._segments({} if as_filed else self._parent)
        position = segments[["segment", "version_id"]]
        levels = {level: self._labelled[column] for level, column in self._definition.levels.items()}
        used_from = self._labelled["used_from"]
        level_frame = pd.DataFrame(levels).assign(used_from=used_from, version_id=self._labelled["version_id"])
        listed = position.merge(level_frame, on="version_id").drop(columns="version_id")
        levels_of = {kind: of for kind, of in self._definition.event_levels.items() if kind in event_kinds}
        terms = events.above(self._events[["version_id", "kind", "event"]], self._reference.meddra, levels_of)
        happened = position.merge(terms, on="version_id")
        stored = [level for level, column in self._definition.levels.items() if column not in products.DERIVED]
        order = ["segment", *stored, "used_from"]
        return StreamView(
            stream=self.stream,
            cases=self._segment_cases(segments),
            products=listed.sort_values(order, kind="stable", ignore_index=True),
            events=happened.drop(columns="version_id").sort_values(
                ["segment", "kind", "event"], kind="stable", ignore_index=True
            ),
        )

    def _segments(self, parent: dict[str, str]) -> pd.DataFrame:
        """Counted versions by segment: root, version_id, start, end, segment (a group's segment has several rows)."""
        counted = self._versions[(self._versions["left_out"] == "") & (self._versions["start"] < self._versions["end"])]
        spans = counted[["case_number", "version_id", "start", "end"]].copy()
        spans["root"] = duplicates.roots(spans["case_number"].to_numpy(), parent)
        grouped = spans["root"].isin(set(parent.values()) | set(parent))
        cut = [_cut(group) for _, group in spans[grouped].groupby("root", sort=True)]
        together = pd.concat([spans[~grouped], *cut], ignore_index=True)
        together = together.sort_values(["root", "start", "version_id"], kind="stable", ignore_index=True)
        change = together[["root", "start"]].ne(together[["root", "start"]].shift()).any(axis=1)
        together["segment"] = change.cumsum().astype("int64") - 1
        return together

    def _segment_cases(self, segments: pd.DataFrame) -> pd.DataFrame:
        facts = self._versions.set_index("version_id")
        columns = "received_on serious death new hospital_id hospital onset_on sex age_years district sentinel".split()
        rows = segments.join(facts[columns], on="version_id")
        rows = rows.assign(sex=rows["sex"].replace({"unknown": ""}))
        # The reporting unit of a merged case is that of the report it was merged into, where that one is counted.
        rows["is_root"] = rows["case_number"] == rows["root"]
        rows = rows.sort_values(["segment", "is_root"], ascending=[True, False], kind="stable")
        unit = rows["hospital_id"].where(
            rows["hospital_id"] != "", ("?" + rows["hospital"]).where(rows["hospital"] != "", "")
        )
        # What one report of a merged case does not say, another may: the first that is known counts.
        known = {name: rows[name].mask(rows[name] == "") for name in ("onset_on", "sex")}
        rows = rows.assign(unit=unit, **known)
        cases = rows.groupby("segment", sort=True).agg(
            case=("root", "first"),
            start=("start", "first"),
            end=("end", "first"),
            received_on=("received_on", "min"),
            serious=("serious", "max"),
            death=("death", "max"),
            new=("new", "max"),
            hospital=("unit", "first"),
            onset_on=("onset_on", "first"),
            sex=("sex", "first"),
            age_years=("age_years", "first"),
            district=("district", "first"),
            sentinel=("sentinel", "first"),
        )
        cases.insert(3, "received", week_index(cases.pop("received_on")))
        texts = {name: cases[name].fillna("").astype("str") for name in ("hospital", "onset_on", "sex", "district")}
        flags = dict.fromkeys(("serious", "death", "new", "sentinel"), bool)
        return cases.assign(**texts).astype(flags).reset_index(drop=True)

    def filings(self, week: Week) -> pd.DataFrame:
        """One row per report in the view of the week, as filed: merged and left-out ones stay and are marked."""
        return self._filed(
            self._versions[(self._versions["start"] <= week.index) & (self._versions["end"] > week.index)]
        )

    def latest(self, cases: Collection[str]) -> pd.DataFrame:
        """The same of the last versions of some reports, whatever the week."""
        last = self._versions[self._versions["case_number"].isin(cases)].drop_duplicates("case_number", keep="last")
        return self._filed(last)

    def _filed(self, current: pd.DataFrame) -> pd.DataFrame:
        frame = current.rename(columns={"case_number": "case", "number": "version"})
        frame = frame.assign(
            merged_into=self._merged_into(current),
            age_band=[age_band(years) for years in current["age_years"]],
            products=self._joined(self._labelled, "product", current),
            events=self._joined(self._events, "event", current),
        )
        flags = ["evaluated", "serious", "death", "new"]
        columns = (
            "stream case received_on reported_on onset_on evaluated evaluated_on serious death new hospital_id "
            "hospital merged_into left_out sex age_band outcome products events version warnings"
        ).split()
        return frame.astype(dict.fromkeys(flags, bool))[columns].reset_index(drop=True)

    def standing(self) -> pd.DataFrame:
        """How every report stands after its last version: case, hospital_id, left_out, merged_into."""
        last = self._versions[self._versions["end"] == OPEN_END]
        frame = last.rename(columns={"case_number": "case"}).assign(merged_into=self._merged_into(last))
        return frame[["case", "hospital_id", "left_out", "merged_into"]].reset_index(drop=True)

    def named(self, week: Week) -> pd.DataFrame:
        """One row per counted product of each report in the view of the week, as filed, those left out left out.

        Columns: case, received_on, hospital_id, district, product (label), name, number (identifier's key), lot
        (several joined by `SEVERAL`), maker, and every product level.
        """
        inside = (self._versions["start"] <= week.index) & (self._versions["end"] > week.index)
        current = self._versions[inside & (self._versions["left_out"] == "")]
        facts = current[["version_id", "case_number", "received_on", "hospital_id", "district"]]
        rows = self._labelled.merge(facts.rename(columns={"case_number": "case"}), on="version_id")
        keys = products.keys_of(rows["identifier"], self.stream)
        levels = {f"level_{level}": rows[column] for level, column in self._definition.levels.items()}
        columns = "case received_on hospital_id district product name lot maker".split()
        return rows[columns].assign(stream=self.stream, number=keys, **levels)

    def _merged_into(self, current: pd.DataFrame) -> pd.Series[str]:
        """The counted report of its group for each other report of a group; "" for the rest."""
        root = pd.Series(duplicates.roots(current["case_number"].to_numpy(), self._parent), index=current.index)
        counted = current["left_out"] == ""
        order = pd.DataFrame({"root": root, "own": current["case_number"] != root, "case": current["case_number"]})
        keeper = order[counted].sort_values(["root", "own", "case"], kind="stable").groupby("root")["case"].first()
        kept = lookup(root, keeper.to_dict())
        return kept.where(counted & (kept != current["case_number"]), "")

    @staticmethod
    def _joined(frame: pd.DataFrame, column: str, current: pd.DataFrame) -> pd.Series[str]:
        mine = frame.loc[frame["version_id"].isin(current["version_id"]), ["version_id", column]].drop_duplicates()
        texts = mine.groupby("version_id", sort=True)[column].agg("; ".join)
        return lookup(current["version_id"], texts.to_dict())

    @cached_property
    def _mappings(self) -> mappings.Mappings:
        of_hospitals = mappings.of_hospitals(self._versions, self._reference.hospitals)
        of_products = mappings.of_products(self._labelled, self.stream)
        return mappings.Mappings([*of_products, mappings.of_events(self._events), of_hospitals])

    def mappings(self, week: Week) -> pd.DataFrame:
        """What each wording of the counted reports in the view of the week stands for, and by which rule.

        Columns stream, kind (product, number, ingredient, event, hospital), wording, counted_as ("" for a unit that
        is not in the list), rule, problem, cases (reports). Only products in the roles that count.
        """
        current = (self._versions["start"] <= week.index) & (self._versions["end"] > week.index)
        counted = self._versions.loc[current & (self._versions["left_out"] == ""), "version_id"]
        table = self._mappings.among(counted.to_numpy())
        table.insert(0, "stream", self.stream)
        return table


def _tables(reference: Reference, stream: str) -> products.Tables:
    """What the installation knows of the products of a stream."""
    devices = dict(zip(reference.devices["di"], reference.devices["number"], strict=True))
    return products.Tables(
        synonyms=synonyms.of_products(reference, stream),
        ingredients=synonyms.mapping_of(reference, stream, "ingredient"),
        devices=devices,
    )


def _cut(group: pd.DataFrame) -> pd.DataFrame:
    """Spans of a merged group cut at every start and end, so that each piece has a fixed set of versions."""
    edges = np.unique(np.concatenate([group["start"], group["end"]]))
    pieces: list[pd.DataFrame] = []
    for start, end in pairwise(edges):
        active = group[(group["start"] <= start) & (group["end"] >= end)]
        pieces.append(active.assign(start=start, end=end))
    return pd.concat(pieces)


def quarantined(connection: Connection, as_of: datetime, reference: Reference, lang: str) -> pd.DataFrame:
    """Reports that wait in the quarantine at a moment; rows of forms are none.

    Columns: stream, case, received_on, hospital_id, hospital, file, sheet, rows, reasons (in `lang`), stored (an
    earlier version of the case is counted, so that the report is not missing from the hospital's figures), entry (its
    number in the quarantine).
    """
    found = quarantine.entries(connection, instant_text(as_of))
    waiting = found[(found["state"] == quarantine.WAITING) & (found["stream"] != FORMS)]
    frame = waiting.rename(columns={"case_number": "case", "quarantine_id": "entry"}).reset_index(drop=True)
    frame["hospital_id"] = hospitals.assign(frame["hospital"], reference.hospitals)
    frame["reasons"] = frame["reasons"].map(lambda text: explain(text, lang)).astype("str")
    columns = "stream case received_on hospital_id hospital file sheet rows reasons stored entry".split()
    return frame[columns].sort_values(["stream", "case", "file", "rows", "entry"], kind="stable", ignore_index=True)


def explain(reasons: str, lang: str) -> str:
    """Stored reasons as sentences: where, what, how to mend."""
    row_word, column_word = ("第{}行", "“{}”列") if lang == "zh" else ("row {}", "column {}")
    sentences = []
    for reason in json.loads(reasons):
        place = [row_word.format(reason["row"])]
        if reason["column"]:
            place.append(column_word.format(reason["column"]) + f" “{reason['value']}”")
        sentences.append(f"{', '.join(place)}: {messages.problem(reason['code'], lang)}")
    return "; ".join(sentences)
