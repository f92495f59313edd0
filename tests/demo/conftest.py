"""A small city, written once for all tests."""

from __future__ import annotations

import pytest

from pv.demo import write_city
from tests.demo.demo_files import SMALL, City


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    return City(folder, write_city(folder, **SMALL))
