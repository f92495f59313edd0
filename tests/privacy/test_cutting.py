"""A case is cut out of files that hold others: batches of messages, linked sheets; what stays is read as before."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from openpyxl import Workbook, load_workbook
from sqlalchemy import Engine, select

from pv import archive, pipeline, store
from pv.cli import main
from pv.intake import copies, load_file
from pv.privacy import forgetting
from pv.privacy.forgetting import Place, Wish
from pv.schema import case_version, quarantine
from pv.settings import Settings
from pv.sources import FileRefused, open_source, read, xml_copy, xml_safety
from tests.conftest import KEY, NOW, Export
from tests.privacy.canaries import Planter, Search
from tests.sources import test_e2b_r2, test_e2b_r3
from tests.sources.test_declared_layouts import FEEDBACK

NAMES = ("鸢丽伟", "鹮芳芳", "鹬娜强")
WISH = Wish("drug", "CN-2", "李四", "患者申请", NOW)


def _r3(number: int) -> str:
    text = test_e2b_r3._message().replace("张三", NAMES[number - 1]).replace("李医生", "鹛医生")
    return text.replace("CN-SHI-9", f"CN-{number}").replace("女，患儿……", f"{NAMES[number - 1]}诉皮疹")


def _r2(number: int) -> str:
    return test_e2b_r2._report().replace(">ZS<", f">{NAMES[number - 1]}<").replace("CN-SHI-9", f"CN-{number}")


BATCHES: dict[str, Callable[..., bytes]] = {
    "R3": lambda *numbers: test_e2b_r3._batch(*map(_r3, numbers)).getvalue(),
    "R2": lambda *numbers: test_e2b_r2._batch(*map(_r2, numbers)).getvalue(),
}


def _store(folder: Path, path: Path) -> tuple[Engine, Path]:
    engine = store.open_store(f"sqlite:///{folder / 'store.sqlite'}")
    load_file(engine, path, folder / "archive", KEY, NOW)
    return engine, folder / "archive"


def _kept(folder: Path) -> bytes:
    (path,) = archive.objects(folder)
    return b"".join(archive.chunks_of(path, KEY))


def _cases(path: Path) -> pd.DataFrame:
    return read(path).fields.drop(columns=["row", "sheet"])


@pytest.mark.parametrize(("release", "encoding"), [("R3", "utf-8"), ("R3", "utf-16"), ("R2", "gb18030")])
def test_one_message_is_cut_out_of_a_batch(tmp_path: Path, release: str, encoding: str) -> None:
    def written(*numbers: int) -> bytes:
        text = BATCHES[release](*numbers).decode().removeprefix('<?xml version="1.0" encoding="UTF-8"?>')
        return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'.encode(encoding)

    path = tmp_path / "x.xml"
    path.write_bytes(written(1, 2, 3, 2))  # a follow-up too
    engine, folder = _store(tmp_path, path)
    place = Place(folder, KEY)
    found = forgetting.search(engine, place, WISH)
    done = forgetting.forget(engine, place, WISH, clean=found.clean)
    assert [(one.name, one.whole) for one in found.told] == [("x.xml", False)]
    assert (done.files_replaced, done.files_deleted) == (1, 0)
    left = _kept(folder)
    (tmp_path / "y.xml").write_bytes(left)
    (tmp_path / "z.xml").write_bytes(written(1, 3))
    pd.testing.assert_frame_equal(_cases(tmp_path / "y.xml"), _cases(tmp_path / "z.xml"))
    assert left == written(1, 3).decode(encoding).replace(f'"{encoding}"', '"UTF-8"').encode()
    assert (b"CN-2" in left, Search(NAMES).in_bytes(left)) == (False, {NAMES[0], NAMES[2]})
    assert forgetting.search(engine, place, WISH).told == []


def test_a_message_that_cannot_be_read_goes_with_the_case_that_it_may_be_of(tmp_path: Path) -> None:
    broken = [_r3(number).replace("</player1>", "</player>", 1) for number in (1, 2)]
    (tmp_path / "x.xml").write_bytes(test_e2b_r3._batch(_r3(3), *broken).getvalue())
    (tmp_path / "y.xml").write_bytes(test_e2b_r3._batch(_r3(2), _r3(3)).getvalue())
    engine, folder = _store(tmp_path, tmp_path / "y.xml")
    load_file(engine, tmp_path / "x.xml", folder, KEY, NOW)
    done = forgetting.forget(engine, Place(folder, KEY), WISH)
    assert (done.files_replaced, done.quarantined) == (2, 1)
    with store.reading(engine) as connection:
        texts = [text and archive.unseal(text, KEY) for text in connection.execute(select(quarantine.c.raw)).scalars()]
    assert [Search(NAMES).in_bytes(text.encode()) for text in texts] == [{NAMES[0]}, set()]
    assert [len(text) > 1000 for text in texts] == [True, False]
    source = open_source(tmp_path / "x.xml")
    copy = copies.copy_of(source, frozenset(["CN-2"]), tmp_path)
    assert copy is not None
    assert copy.read_bytes() == test_e2b_r3._batch(_r3(3), broken[0]).getvalue()


def test_a_file_without_any_other_message_is_a_batch_without_any(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_bytes(BATCHES["R3"](2, 2))
    engine, folder = _store(tmp_path, tmp_path / "x.xml")
    assert forgetting.forget(engine, Place(folder, KEY), WISH).files_replaced == 1
    assert _kept(folder) == BATCHES["R3"]()


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 16])
def test_cuts_do_not_depend_on_where_chunks_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chunk: int) -> None:
    monkeypatch.setattr(xml_safety, "CHUNK", chunk)
    text = "<r><!-- a --><m>1</m> <!-- of two --><m>2</m><m/><m>&#x4e2d;</m>\n<tail>中</tail></r>"
    (tmp_path / "x").write_text(text, encoding="utf-8")
    dialect = next(d for d in [copies.dialect(open_source(_minimal(tmp_path)).layout)] if d is not None)
    small = type(dialect)(dialect.layout, "r", "m", dialect.read)
    out: Sequence[int] = (2, 3)
    assert xml_copy.copy_without(tmp_path / "x", small, lambda message: message.number in out, tmp_path / "y")
    assert (tmp_path / "y").read_text(encoding="utf-8") == ("<r><!-- a --><m>1</m><m>&#x4e2d;</m>\n<tail>中</tail></r>")
    with pytest.raises(FileRefused):
        xml_copy.copy_without(_minimal(tmp_path), small, bool, tmp_path / "y")


def _minimal(folder: Path) -> Path:
    (folder / "m.xml").write_bytes(BATCHES["R2"](1))
    return folder / "m.xml"


def test_memory_does_not_grow_with_the_batch(tmp_path: Path) -> None:
    """Of 10 and of 300 messages: the peak is that of a chunk and a message, not of the file (3 MB)."""
    peaks = []
    for count in (10, 300):
        path = tmp_path / f"{count}.xml"
        filler = f"<!--{'x' * 5_000}-->"
        path.write_bytes(test_e2b_r3._batch(*[_r3(1 + n % 3) + filler for n in range(count)]).getvalue())
        dialect = copies.dialect(open_source(path).layout)
        assert dialect is not None
        tracemalloc.start()
        assert xml_copy.copy_without(path, dialect, lambda message: message.number % 3 == 2, tmp_path / "copy")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert path.stat().st_size > 3_000_000
    assert peaks[1] < peaks[0] + 500_000


def _feedback(planter: Planter, tell: str = "") -> tuple[bytes, list[str]]:
    """The linked sheets with planted values in the rows of F1, in sheets of their own too."""
    planted = [planter.narrative(), planter.name(), planter.telephone()]
    sheets = {name: [list(row) for row in rows] for name, rows in FEEDBACK.items()}
    main, illness = sheets["药品不良反应报告表"], sheets["原患疾病"]
    for row, told in zip(main, ("不良反应过程描述", planted[0], tell), strict=True):
        row.append(told)
    illness += [["F1", planted[1]], ["F2", "高血压"]]
    sheets["说明"] = [["反馈单位", planted[2]]]  # says not whose it is
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue(), planter.planted


def test_the_rows_of_a_case_are_cut_out_of_every_linked_sheet(tmp_path: Path) -> None:
    content, planted = _feedback(Planter(), "一切正常")
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    engine, folder = _store(tmp_path, path)
    before = _cases(path)
    done = forgetting.forget(engine, Place(folder, KEY), Wish("drug", "F1", "李四", "申请", NOW))
    assert (done.versions, done.files_replaced, done.files_deleted) == (1, 1, 0)
    left = _kept(folder)
    assert Search([*planted, "肺炎", "阿莫西林"]).in_bytes(left) == set()
    (tmp_path / "y.xlsx").write_bytes(left)
    after = _cases(tmp_path / "y.xlsx")
    pd.testing.assert_frame_equal(after, before[before["report_number"] != "F1"].reset_index(drop=True))
    book = load_workbook(io.BytesIO(left))
    assert {sheet.title for sheet in book} == set(FEEDBACK)
    assert [row[0] for row in book["药品不良反应报告表"].iter_rows(values_only=True)] == ["反馈码", None, "F2"]
    with store.reading(engine) as connection:
        assert sorted(connection.execute(select(case_version.c.case_number)).scalars()) == ["F1", "F2"]
    again = load_file(engine, path, folder, KEY, NOW)
    assert (again.stored, again.unchanged) == (0, 2)
    assert Search(planted).in_bytes(_kept(folder)) == set()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_INBOX", "PVWATCH_OUT", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    return Settings.load()


def test_the_command_names_the_files_that_it_would_delete_whole_and_waits(settings: Settings, export: Export) -> None:
    path = export("drug", [{"报告表编码": "D1", "患者姓名": NAMES[0]}, {"报告表编码": "D2"}], "周报.csv")
    with path.open("a", encoding="utf-8") as handle:
        handle.write("D3,多,D1," + "x," * 200 + "\n")  # two rows in one: whose cells are these?
    pipeline.ingest(settings, [path, export("drug", [{"报告表编码": "D1", "年龄": "7"}], "2.csv")], NOW)
    before = [path.name for path in archive.objects(settings.archive)]
    words = ["forget", "D1", "--stream", "drug", "--by", "李四", "--reason", "申请"]
    for more in ([], ["--json"], ["--dry-run"], ["--dry-run", "--json"]):
        result = CliRunner().invoke(main, [*words, *more])
        assert result.exit_code == (0 if "--dry-run" in more else 1), result.output
        assert "周报.csv" in result.output
        assert [path.name for path in archive.objects(settings.archive)] == before
    assert "2 rows of other cases" in CliRunner().invoke(main, [*words, "--dry-run"]).output
    assert CliRunner().invoke(main, [*words, "--yes"]).exit_code == 0
    assert len(archive.objects(settings.archive)) == 1
    assert Search([NAMES[0]]).in_folder(settings.home) == {}


def test_a_layout_of_the_centre_is_cut_too(settings: Settings, tmp_path: Path) -> None:
    folder = settings.reference / "layouts"
    folder.mkdir(parents=True)
    (folder / "ours.toml").write_text(
        'stream = "drug"\n[columns]\n"编号" = "report_number"\n"日期" = "received_on"\n"药" = "name"\n'
        '"反应" = "reaction"\n"病人" = "patient_name"\n"轻重" = "severity"\n',
        encoding="utf-8",
    )
    path = tmp_path / "ours.csv"
    path.write_text(
        f"编号,日期,药,反应,病人,轻重\nCN-1,2026-11-10,甲,皮疹,{NAMES[0]},一般\n"
        f"CN-2,2026-11-10,甲,皮疹,{NAMES[1]},一般\n",
        encoding="utf-8",
    )
    (account,) = pipeline.ingest(settings, [path], NOW)
    assert account.stored == 2
    words = ["forget", "CN-2", "--stream", "drug", "--by", "李四", "--reason", "申请"]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert Search(NAMES).in_bytes(_kept(settings.archive)) == {NAMES[0]}
    (again,) = pipeline.ingest(settings, [path], NOW)  # a layout of their own, told once more
    assert (again.stored, again.unchanged) == (0, 2)


def test_a_name_that_slipped_under_the_heading_of_the_number_goes_too(tmp_path: Path, export: Export) -> None:
    """The row has a cell too many before the others; the case is known by its 唯一标识."""
    path = export("drug", [{"报告表编码": "D2"}], "x.csv")
    heading = path.read_text(encoding="utf-8-sig").splitlines()[0].split(",")
    cells = {"报告表编码": NAMES[0], "唯一标识": "D1"}
    with path.open("a", encoding="utf-8") as handle:
        handle.write(",".join([*(cells.get(name, "") for name in heading), "x"]) + "\n")
    engine, folder = _store(tmp_path, path)
    done = forgetting.forget(engine, Place(folder, KEY), Wish("drug", "D1", "李四", "申请", NOW))
    assert (done.files_replaced, done.files_deleted) == (1, 0)
    assert Search(NAMES).in_bytes(_kept(folder)) == set()
    assert b"D1" in _kept(folder)
    again = load_file(engine, path, folder, KEY, NOW)
    assert (again.read, again.stored, again.unchanged, again.entries) == (2, 0, 1, 0)


def test_ragged_rows_are_no_reason_to_lose_a_file(tmp_path: Path, export: Export) -> None:
    """One of the case loses all but its number; one of another case keeps each cell, those beyond the heading too."""
    path = export("drug", [{"报告表编码": "D1", "患者姓名": NAMES[0]}, {"报告表编码": "D2"}], "x.csv")
    width = len(path.read_text(encoding="utf-8-sig").splitlines()[0].split(","))
    with path.open("a", encoding="utf-8") as handle:
        handle.write(f"D1,,{NAMES[1]}\n\nD3,,{NAMES[2]}" + ",x" * width + ",末尾\n")
    engine, folder = _store(tmp_path, path)
    done = forgetting.forget(engine, Place(folder, KEY), Wish("drug", "D1", "李四", "申请", NOW))
    assert (done.files_replaced, done.files_deleted) == (1, 0)
    left = _kept(folder).decode("utf-8-sig").splitlines()
    assert Search(NAMES).in_bytes("".join(left).encode()) == {NAMES[2]}
    assert left[3] == "D1" + "," * width
    assert left[5] == f"D3,,{NAMES[2]}" + ",x" * width + ",末尾"
    again = load_file(engine, path, folder, KEY, NOW)
    assert (again.read, again.stored, again.entries) == (4, 0, 0)
