"""Both languages are complete: every message, heading and code has its Chinese and its English."""

from __future__ import annotations

import re
from collections.abc import Iterator

from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from pv.reference import shipped_csv, streams
from pv.rendering import hospital_columns, signal_columns
from pv.rendering.columns import Column
from pv.rendering.labels import CODES, code_label
from pv.rendering.language import language, reports_folder
from pv.signals.history import STATUSES
from pv.signals.screens import WINDOWS, load_screens, tables_of

PO = reports_folder() / "locale" / "zh" / "LC_MESSAGES" / "pvwatch.po"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def used_messages() -> Iterator[str]:
    """The message ids of all templates; of a plural its singular."""
    options = {"encoding": "utf-8", "silent": "false", "newstyle_gettext": "true"}
    for path in sorted((reports_folder() / "html").glob("*.html")):
        with path.open("rb") as handle:
            for _, _, message, _ in babel_extract(handle, ("_", "gettext", "ngettext"), [], options):  # type: ignore[arg-type]
                yield message if isinstance(message, str) else str(message[0])


def translations() -> dict[str, str]:
    with PO.open("rb") as handle:
        catalog = read_po(handle, locale="zh")
    first = [(m.id, m.string) if isinstance(m.id, str) else (m.id[0], m.string[0]) for m in catalog if m.id]
    return {str(key): str(text) for key, text in first}


def test_every_message_is_translated_and_no_translation_is_stale() -> None:
    used, known = set(used_messages()), translations()
    assert sorted(used - set(known)) == []
    assert sorted(set(known) - used) == []
    assert [key for key, text in known.items() if not text.strip()] == []


def test_translations_keep_the_places_of_values() -> None:
    place = re.compile(r"%\(\w+\)s|%%")
    for key, text in translations().items():
        assert sorted(place.findall(text)) == sorted(place.findall(key)), key


def test_plurals() -> None:
    english, chinese = language("en"), language("zh")
    assert [english.ngettext("%(num)s case", "%(num)s cases", n) for n in (0, 1, 2)] == [
        "%(num)s cases",
        "%(num)s case",
        "%(num)s cases",
    ]
    assert {chinese.ngettext("%(num)s case", "%(num)s cases", n) for n in (0, 1, 2)} == {"%(num)s 例"}


def declared() -> list[tuple[str, Column]]:
    modules = vars(signal_columns) | vars(hospital_columns)
    tables = {name: value for name, value in modules.items() if name.isupper() and isinstance(value, tuple)}
    return [(name, column) for name, table in tables.items() for column in table]


def test_every_column_has_both_headings_and_its_code_list() -> None:
    for table, column in declared():
        where = (table, column.name)
        assert column.zh.strip(), where
        assert column.en.strip(), where
        assert (column.codes != "") == (column.kind in {"code", "codes"}), where
        if column.codes:
            assert code_label(column.codes, "anything", "zh") == "anything", where


def test_names_of_columns_are_unique_within_a_table() -> None:
    names = [(table, column.name) for table, column in declared()]
    assert len(names) == len(set(names))


def test_codes_of_the_other_modules_have_words() -> None:
    wanted = {
        "status": set(STATUSES) - {""},
        "window": set(WINDOWS),
        "level": {level for stream in streams().values() for level in stream.levels},
        "comparator": {table.comparator for stream in streams() for table in tables_of(stream, load_screens())},
        "sex": {row["code"] for row in shipped_csv("codes") if row["list"] == "sex"},
        "outcome": {row["code"] for row in shipped_csv("codes") if row["list"] == "outcome"},
    }
    assert {(name, code) for name, codes in wanted.items() for code in codes - set(CODES[name])} == set()


def test_code_lists_are_chinese_and_english() -> None:
    for name, codes in CODES.items():
        for code, (zh, en) in codes.items():
            assert en, (name, code)
            assert CHINESE.search(zh) or name == "comparison", (name, code)


def test_an_unknown_code_stands_for_itself() -> None:
    assert code_label("status", "brand-new", "zh") == "brand-new"


def test_forms_are_named_and_layouts_stand_for_themselves() -> None:
    assert code_label("stream", "forms", "zh") == "表单"
    assert code_label("format", "risk", "en") == "Other risk information"
    assert code_label("format", "drug_national", "zh") == "drug_national"
