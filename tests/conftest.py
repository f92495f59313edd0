"""Fixtures for all tests: a store on SQLite and, where PVWATCH_TEST_POSTGRES names a server, on PostgreSQL."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine, text

from pv import store
from pv.schema import metadata
from pv.settings import Settings
from pv.sources.layouts import layouts

KEY = "0" * 43 + "="
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LAYOUT_OF = {"drug": "drug_national", "device": "device_national", "cosmetic": "cosmetic_national"}

# How long an example takes depends on what else the machine does; no test fails for it.
settings.register_profile("pvwatch", deadline=None)
settings.load_profile("pvwatch")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of golden values and public data, which is not part of the repository."""
    folder = Path(os.environ.get("PV_SHARED") or Path(__file__).parents[2] / "shared")
    if not (folder / "golden").is_dir():
        pytest.skip("the public data are not here: set PV_SHARED to their folder")
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty store on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.sqlite'}"
        return
    server = os.environ.get("PVWATCH_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL server is named: set PVWATCH_TEST_POSTGRES")
    schema = f"t{os.getpid()}"
    url = f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        yield url
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    opened = store.open_store(store_url)
    assert set(metadata.tables)
    yield opened
    opened.dispose()


DEFAULTS: dict[str, dict[str, str]] = {
    "drug": {
        "报告表编码": "D1",
        "报告类型-严重程度": "一般",
        "怀疑/并用": "怀疑",
        "通用名称": "阿莫西林胶囊",
        "不良反应名称": "皮疹（一般）",
        "国家中心接收时间": "2026-11-10 09:12:33",
        "报告单位名称": "第一医院",
    },
    "device": {
        "报告编码": "E1",
        "报告日期": "2026-11-10",
        "产品名称": "一次性使用输液器",
        "注册证编号/曾用注册证编号": "国械注准20153141234",
        "伤害": "其他",
        "伤害表现": "无",
        "器械故障表现": "漏液",
        "单位名称": "第一医院",
    },
    "cosmetic": {
        "报告表编号": "C1",
        "报告类型": "一般",
        "报告日期": "2026-11-10",
        "化妆品名称": "美白霜",
        "皮损形态": "红斑、丘疹",
        "初步判断": "接触性皮炎",
        "报告单位名称": "第一医院",
    },
}

Export = Callable[..., Path]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Writes an export in the national layout: export("drug", [{column: value, …}, …]) → path of a CSV file.

    Each row starts from a correct report (`DEFAULTS`) and states only what differs.
    """

    def write(stream: str, rows: Sequence[dict[str, str]], name: str = "", encoding: str = "utf-8-sig") -> Path:
        layout = next(layout for layout in layouts() if layout.name == LAYOUT_OF[stream])
        columns = [column.name for column in layout.columns]
        path = tmp_path / (name or f"{stream}.csv")
        with path.open("w", encoding=encoding, newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(column.removesuffix(".1") for column in columns)
            for row in rows:
                unknown = set(row) - set(columns)
                assert not unknown, unknown
                writer.writerow([(DEFAULTS[stream] | row).get(column, "") for column in columns])
        return path

    return write


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> Settings:
    """An installation of its own, as the environment tells commands of it."""
    for name in ("PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_DATABASE_URL", store_url)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    monkeypatch.setenv("PVWATCH_USER", "李四")
    monkeypatch.setenv("PVWATCH_LANG", "en")
    return Settings.load()
