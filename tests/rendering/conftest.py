from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from small_city import WEEK, City, make_city, make_filings, make_quarantined

from pv.rendering.models import WeekInput
from pv.rendering.week_files import render_week


@pytest.fixture(scope="session")
def city() -> City:
    return make_city(make_filings(), make_quarantined())


@pytest.fixture(scope="session")
def rendered(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the city's week, inside an output folder."""
    folder = tmp_path_factory.mktemp("out") / str(WEEK)
    folder.mkdir()
    render_week(city.week_input, folder)
    return folder


@pytest.fixture(scope="session")
def empty_input(city: City) -> WeekInput:
    """The first week of an installation: reference tables, screens, and not one report."""
    nothing = make_city(city.filings.iloc[:0], city.quarantined.iloc[:0], city.reference).week_input
    nobody = {name: getattr(nothing, name).iloc[:0] for name in ("files", "unmapped", "mappings", "duplicates")}
    return replace(nothing, **nobody)
