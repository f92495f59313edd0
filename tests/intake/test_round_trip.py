"""Any case, written in the national layout, is the same case in the store (what is personal aside)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from pv import intake, store
from pv.schema import case_event, case_product, case_version
from pv.sources.layouts import layouts
from pv.text import BLANK, clean
from tests.conftest import KEY, LAYOUT_OF, NOW

WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"], exclude_characters='\ufffd；;、,/|()（）"'),
    min_size=1,
    max_size=8,
).filter(lambda text: clean(text) not in BLANK and "(" not in clean(text) and not set(clean(text)) & set(";、,/|"))
DAYS = st.dates(min_value=NOW.date().replace(year=2020), max_value=NOW.date().replace(day=1)).map(str)
CODES = st.sampled_from(["", "81234567890123456789", "(01)06901234567892"])
NAMES = WORDS | st.sampled_from(["布洛芬", "布洛芬片"])  # so that products of a report share them
PRODUCT = st.fixed_dictionaries(
    {"role": st.sampled_from(["怀疑", "并用"]), "name": NAMES, "lot": WORDS | st.just(""), "udi": CODES}
)
CASE = st.fixed_dictionaries(
    {
        "received_on": DAYS,
        "sex": st.sampled_from(["男", "女", ""]),
        "severity": st.sampled_from(["严重", "一般"]),
        "outcome": st.sampled_from(["痊愈", "死亡", ""]),
        "onset_on": st.sampled_from(["", "2019-12-31", "2019/1/2", "2019", "2019-12", "2019年3月"]),
        "age": st.integers(1, 99).map(str) | st.just(""),
        "hospital": WORDS,
        "products": st.lists(PRODUCT, min_size=1, max_size=3, unique_by=lambda one: tuple(map(clean, one.values()))),
        "reactions": st.lists(WORDS, min_size=1, max_size=3, unique_by=clean),
    }
)
CODED = {
    "男": "male",
    "女": "female",
    "怀疑": "suspect",
    "并用": "concomitant",
    "痊愈": "recovered",
    "死亡": "death",
    "": "",
}


def _written(path: Path, cases: list[dict[str, Any]], encoding: str) -> None:
    layout = next(layout for layout in layouts() if layout.name == LAYOUT_OF["drug"])
    fields = [column.field for column in layout.columns]
    with path.open("w", encoding=encoding, newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(column.name for column in layout.columns)
        for number, case in enumerate(cases):
            for product in case["products"]:
                cells = {**case, **product, "report_number": f"D{number}", "reaction": "；".join(case["reactions"])}
                cells["age_unit"] = "岁" if case["age"] else ""
                writer.writerow([cells.get(field, "") if field else "" for field in fields])


def _told(case: dict[str, Any], number: int) -> dict[str, Any]:
    death = case["outcome"] == "死亡"
    return {
        "case_number": f"D{number}",
        "received_on": case["received_on"],
        "sex": CODED[case["sex"]],
        "serious": int(case["severity"] == "严重" or death),
        "death": int(death),
        "outcome": CODED[case["outcome"]],
        "onset_on": {"2019-12-31": "2019-12-31", "2019/1/2": "2019-01-02"}.get(case["onset_on"], ""),
        "age_years": float(case["age"]) if case["age"] else None,
        "hospital": clean(case["hospital"]),
        "products": {
            (CODED[one["role"]], clean(one["name"]), clean(one["lot"]), one["udi"]) for one in case["products"]
        },
        "events": {clean(term) for term in case["reactions"]},
    }


def _stored(url: str) -> list[dict[str, Any]]:
    engine = store.open_store(url)
    with store.reading(engine) as connection:
        found = []
        for version in connection.execute(select(case_version).order_by(case_version.c.case_number)).mappings():
            key = version["version_id"]
            products = connection.execute(select(case_product).where(case_product.c.version_id == key)).mappings().all()
            events = (
                connection.execute(select(case_event.c.event).where(case_event.c.version_id == key)).scalars().all()
            )
            names = "case_number received_on onset_on sex serious death outcome age_years hospital".split()
            listed = {(one["role"], one["product"], one["lot"], one["udi"]) for one in products}
            found.append({name: version[name] for name in names} | {"products": listed, "events": set(events)})
    engine.dispose()
    return found


@settings(max_examples=20, deadline=None)
@given(cases=st.lists(CASE, min_size=1, max_size=4), encoding=st.sampled_from(["utf-8", "gb18030"]))
def test_a_case_in_the_national_layout_is_the_same_in_the_store(
    tmp_path_factory: pytest.TempPathFactory, cases: list[dict[str, Any]], encoding: str
) -> None:
    folder = tmp_path_factory.mktemp("r")
    _written(folder / "x.csv", cases, encoding)
    url = f"sqlite:///{folder / 's.sqlite'}"
    engine = store.open_store(url)
    account = intake.load_file(engine, folder / "x.csv", folder / "archive", KEY, NOW)
    engine.dispose()
    partial = sum(len(case["products"]) for case in cases if 0 < len(case["onset_on"]) < 8)  # rows without a day
    assert (account.refused, account.quarantined) == ("", 0)
    assert [one.code for one in account.problems] == ["date_partial"] * partial
    assert _stored(url) == [_told(case, number) for number, case in enumerate(cases)]
