"""The HTML pages: self-contained, in Chinese and English, made from the view models by the templates of `reports/`."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pv.rendering import charts, formats, hospital_columns, signal_columns
from pv.rendering.evidence_columns import EVIDENCE_SHEETS
from pv.rendering.language import LANGUAGES, Language, language, reports_folder
from pv.rendering.models import CHANGED, LAPSED, STANDING, Alert, HospitalReport, SignalReport

_OTHER = {"zh": "en", "en": "zh"}
INDEX_PAGES = {"zh": "index.html", "en": "index.en.html"}


def write_signal_pages(report: SignalReport, folder: Path) -> None:
    """signals.zh.html and signals.en.html."""
    for code in LANGUAGES:
        titles = {screen.name: screen.zh if code == "zh" else screen.en for screen in report.screens}
        spoken = language(code, titles)
        page = _week_page(spoken, "signals", report, screen_titles=lambda alert, titles=titles: _titles(alert, titles))
        write(folder / f"signals.{code}.html", page)


def write_hospital_pages(report: HospitalReport, folder: Path) -> None:
    """hospitals.zh.html and hospitals.en.html."""
    for code in LANGUAGES:
        write(folder / f"hospitals.{code}.html", _week_page(language(code), "hospitals", report))


def page(template: str, code: str, **values: Any) -> str:
    """A page that belongs to no week."""
    return _render(language(code), template, **values)


def _week_page(spoken: Language, name: str, report: SignalReport | HospitalReport, **values: Any) -> str:
    return _render(
        spoken,
        f"{name}.html",
        report=report,
        this_report=name,
        other_report="hospitals" if name == "signals" else "signals",
        index_page=f"../{INDEX_PAGES[spoken.code]}",
        **values,
    )


def _titles(alert: Alert, titles: dict[str, str]) -> list[str]:
    return [titles.get(name, name) for name in alert.screens.split(";") if name]


def _render(spoken: Language, template: str, **values: Any) -> str:
    environment = _environment(spoken.code)
    return environment.get_template(template).render(
        lang=spoken.code,
        other_lang=_OTHER[spoken.code],
        name=spoken.name,
        label=spoken.label,
        cell=spoken.cell,
        **values,
    )


@cache
def _environment(code: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(reports_folder() / "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    spoken = language(code)
    install = environment.install_gettext_callables  # type: ignore[attr-defined]  # added by the extension
    install(spoken.gettext, spoken.ngettext, newstyle=True)
    environment.tests["unbounded"] = math.isinf
    environment.globals |= {
        "css": Markup((reports_folder() / "css" / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - our file
        "number": lambda value: formats.write(value, "count", code),
        "decimal": lambda value: formats.write(value, "ratio", code),
        "probability": lambda value: formats.write(value, "probability", code),
        "rate": lambda value: formats.write(value, "number", code),
        "percent": lambda value: formats.write(value, "percent", code),
        "growth": lambda value: formats.write(value, "growth", code),
        "population": lambda value: formats.write(value, "population", code),
        "instant": formats.local_instant,
        "interval": formats.interval,
        "bars": charts.bars,
        "axis": charts.axis,
        "interval_chart": charts.interval_chart,
        "signals": {column.name: column for column in signal_columns.SIGNALS},
        "totals_columns": signal_columns.TOTALS,
        "hospital_columns": {column.name: column for column in hospital_columns.HOSPITAL_RATES},
        "district_columns": {column.name: column for column in hospital_columns.DISTRICT_RATES},
        "target_columns": {column.name: column for column in hospital_columns.TARGET_STATUS},
        "evidence_sheets": EVIDENCE_SHEETS,
        "statuses": (*CHANGED, *STANDING, LAPSED),
    }
    return environment


def write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
