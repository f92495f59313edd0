"""The command line: what it prints, how it ends, and that nothing reaches the user as a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click import Group
from click.testing import CliRunner, Result

from pv.cli import main
from tests.conftest import KEY, Export


@pytest.fixture
def pvwatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs a command in a home of its own: pvwatch("status", "--json") → Result."""
    for name in ("PVWATCH_DATABASE_URL", "PVWATCH_OUT", "PVWATCH_INBOX", "PVWATCH_REFERENCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PVWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PVWATCH_KEY", KEY)
    monkeypatch.setenv("PVWATCH_LANG", "en")

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


COMMANDS = sorted(main.commands)


def test_the_stable_commands_are_there() -> None:
    assert {"demo-data", "ingest", "run", "backfill", "screen", "measures", "status"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(pvwatch: object, command: str) -> None:
    result = pvwatch(command, "--help")  # type: ignore[operator]
    assert result.exit_code == 0
    assert f"pvwatch {command}" in result.output.split("Example")[1]
    group = main.commands[command]
    leaves = [f"{command} {name}" for name in group.commands] if isinstance(group, Group) else [command]
    for leaf in leaves:
        if leaf != "make-key":
            assert "--json" in pvwatch(*leaf.split(), "--help").output  # type: ignore[operator]


def test_exit_codes(pvwatch: object, export: Export, tmp_path: Path) -> None:
    run = pvwatch
    good = export("drug", [{}], "good.csv")
    bad = export("drug", [{"报告表编码": "D2", "怀疑/并用": ""}], "bad.csv")
    odd = tmp_path / "odd.csv"
    odd.write_text("a,b\n1,2\n", encoding="utf-8")
    assert run("ingest", good).exit_code == 0  # type: ignore[operator]
    assert run("ingest", good, bad).exit_code == 3  # type: ignore[operator]
    assert run("ingest", odd).exit_code == 1  # type: ignore[operator]
    assert run("ingest", tmp_path / "absent").exit_code == 2  # type: ignore[operator]
    assert run("ingest").exit_code == 2  # type: ignore[operator]
    assert run("run", "--week", "2026-99").exit_code == 2  # type: ignore[operator]
    assert run("backfill", "--from", "2026-W46", "--to", "2026-W45").exit_code == 2  # type: ignore[operator]


def test_a_bad_row_is_named_with_its_place_and_the_fix(pvwatch: object, export: Export) -> None:
    path = export("drug", [{}, {"报告表编码": "D2", "怀疑/并用": "可疑", "年龄": "九百"}])
    result = pvwatch("ingest", path)  # type: ignore[operator]
    assert "read 2 = stored 1 + unchanged 0 + quarantined 1" in result.output
    assert (
        "quarantine: drug.csv, row 3, 怀疑/并用 “可疑”: unknown role of the product; write 怀疑 or 并用"
        in result.output
    )
    assert "warning: drug.csv, row 3, 年龄 “九百”" in result.output


def test_ingest_json_is_the_account(pvwatch: object, export: Export) -> None:
    (account,) = json.loads(pvwatch("ingest", "--json", export("device", [{}])).stdout)  # type: ignore[operator]
    wanted = "file sha256 stream format read stored unchanged quarantined warnings cases weeks".split()
    assert list(account)[: len(wanted)] == wanted
    assert (account["stream"], account["weeks"]) == ("device", ["2026-W46"])


def test_run_and_status(pvwatch: object, export: Export, tmp_path: Path) -> None:
    pvwatch("ingest", export("cosmetic", [{}]))  # type: ignore[operator]
    result = pvwatch("run", "--week", "2026-W46")  # type: ignore[operator]
    assert result.exit_code == 0, result.output
    assert (tmp_path / "home/out/2026-W46/signals.zh.html").is_file()
    assert (tmp_path / "home/out/index.html").is_file()
    state = json.loads(pvwatch("status", "--json").stdout)  # type: ignore[operator]
    assert state["streams"]["cosmetic"]["filed"] == 1
    assert state["weeks_rendered"] == 1
    assert "cosmetic: filed 1" in pvwatch("status").output  # type: ignore[operator]
    many = pvwatch("backfill", "--from", "2026-W45", "--to", "2026-W47", "--json")  # type: ignore[operator]
    assert [summary["week"] for summary in json.loads(many.stdout)] == ["2026-W45", "2026-W46", "2026-W47"]


def test_a_week_without_any_report_renders(pvwatch: object) -> None:
    assert pvwatch("run", "--week", "2026-W46").exit_code == 0  # type: ignore[operator]


def test_without_a_key_it_says_how_to_make_one(
    pvwatch: object, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PVWATCH_KEY")
    result = pvwatch("ingest", export("drug", [{}]))  # type: ignore[operator]
    assert result.exit_code == 1
    assert "pvwatch make-key" in result.output
    assert "Traceback" not in result.output
    key = pvwatch("make-key").output.strip()  # type: ignore[operator]
    monkeypatch.setenv("PVWATCH_KEY", key)
    assert pvwatch("ingest", export("drug", [{}])).exit_code == 0  # type: ignore[operator]


def test_measures_of_given_tables(pvwatch: object, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("name,a,b,c,d\nx,10,90,100,9800\ny,5,0,7,88\n", encoding="utf-8")
    rows = json.loads(pvwatch("measures", table, "--json").stdout)  # type: ignore[operator]
    assert rows[0]["prr"] == pytest.approx((10 / 100) / (100 / 9900))
    assert rows[0]["name"] == "x"
    assert (rows[1]["ror"], rows[1]["prr"]) == ("inf", pytest.approx(88 / 7 + 1))  # b = 0
    text = pvwatch("measures", table).stdout.splitlines()  # type: ignore[operator]
    assert text[0].startswith("name,a,b,c,d,")
    table.write_text("a,b,c,d\n-1,2,3,4\n", encoding="utf-8")
    result = pvwatch("measures", table)  # type: ignore[operator]
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_screening_real_reports(pvwatch: object, shared: Path, tmp_path: Path) -> None:
    """CAERS: the counts that `golden/README.md` of the shared folder states."""
    out = tmp_path / "pairs.csv"
    result = pvwatch(  # type: ignore[operator]
        *("screen", shared / "data/caers/caers.csv", "--case", "id", "--product", "var1", "--event", "var2"),
        *("--out", out, "--json"),
    )
    summary = json.loads(result.stdout)
    assert (summary["cases"], summary["pairs"]) == (3356, 17189)
    pairs = pd.read_csv(out)
    often = pairs["a"] >= 3
    evans = often & (pairs["prr"] >= 2) & (pairs["chi_square"] >= 4)
    ror = often & (pairs["ror_low"] > 1)
    assert (evans.sum(), ror.sum(), (ror & (pairs["ror"] == float("inf"))).sum()) == (319, 341, 29)
    assert (often & (pairs["ic025"] > 0)).sum() == 257


PAIR = {"通用名称": "阿莫西林胶囊", "不良反应名称": "皮疹（一般）"}


def test_explain_fills_the_formulas_in(pvwatch: object, export: Export) -> None:
    rows = [PAIR | {"报告表编码": f"D{i}", "患者姓名": f"病人{i}"} for i in range(3)]
    rows += [
        {"报告表编码": f"E{i}", "通用名称": "布洛芬片", "不良反应名称": "头晕", "患者姓名": f"他{i}"} for i in range(6)
    ]
    pvwatch("ingest", export("drug", rows))  # type: ignore[operator]
    result = pvwatch("explain", "阿莫西林胶囊", "皮疹", "--week", "2026-W46")  # type: ignore[operator]
    assert result.exit_code == 0, result.output
    assert "a 3, b 0, c 0, d 6" in result.output
    assert "E = (a+b)(a+c)/N = 3 · 3 / 9 = 1" in result.output
    assert "PRR = [a/(a+b)] / [c/(c+d)] = [3/3] / [0/6] = ∞ (— – ∞)" in result.output
    assert "p = P(A ≥ 3 | margins) = 0.0119" in result.output  # 1 / C(9, 3)
    assert "3 reports as filed:" in result.output
    found = json.loads(pvwatch("explain", "阿莫西林胶囊", "皮疹", "--week", "2026-W46", "--json").stdout)  # type: ignore[operator]
    assert {case["case"] for case in found["cases"]} == {"D0", "D1", "D2"}
    assert found["history"][-1]["week"] == "2026-W46"
    assert "病人" not in json.dumps(found, ensure_ascii=False)


def test_explain_helps_with_a_name_that_is_not_there(pvwatch: object, export: Export) -> None:
    pvwatch("ingest", export("drug", [PAIR]))  # type: ignore[operator]
    result = pvwatch("explain", "阿莫西林", "皮疹", "--week", "2026-W46")  # type: ignore[operator]
    assert result.exit_code == 1
    assert "no product “阿莫西林” in 2026-W46. Names that contain it: 阿莫西林胶囊." in result.output


def test_background_of_a_province(pvwatch: object, export: Export, tmp_path: Path) -> None:
    pvwatch("ingest", export("drug", [PAIR | {"报告表编码": "D1"}, PAIR | {"报告表编码": "D2"}]))  # type: ignore[operator]
    out = tmp_path / "background.csv"
    result = pvwatch("background", "--week", "2026-W46", "--source", "省中心", "--out", out)  # type: ignore[operator]
    assert result.exit_code == 0, result.output
    rows = pd.read_csv(out, keep_default_na=False)
    drug = rows[rows["stream"] == "drug"]
    assert list(zip(drug["product"], drug["event"], drug["cases"], strict=True)) == [
        ("", "", 2),
        ("阿莫西林胶囊", "", 2),
        ("", "皮疹", 2),
        ("阿莫西林胶囊", "皮疹", 2),
    ]
    assert set(rows["until"]) == {"2026-11-15"}


def test_evaluate_against_known_pairs(pvwatch: object, tmp_path: Path) -> None:
    cases, known = tmp_path / "cases.csv", tmp_path / "set.csv"
    rows = [f"{i},A,rash" for i in range(8)] + [f"{i},B,fever" for i in range(8, 30)] + ["30,A,fever", "31,B,rash"]
    cases.write_text("id,drug,reaction\n" + "\n".join(rows) + "\n", encoding="utf-8")
    known.write_text("product,event,truth\na,RASH,1\nb,fever,1\nA,fever,0\nB,rash,0\n", encoding="utf-8")
    columns = ("--case", "id", "--product", "drug", "--event", "reaction")
    result = pvwatch("evaluate", cases, *columns, "--reference", known, "--json")  # type: ignore[operator]
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["a_1"] for row in found["found"]] == [2, 2]
    areas = {row["measure"]: row["auc"] for row in found["auc"] if row["missing"] == "left_out"}
    assert areas["ror"] == areas["ic025"] == areas["ebgm"] == 1.0


def test_a_prior_that_is_no_prior(pvwatch: object, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b,c,d\n3,2,3,40\n", encoding="utf-8")
    for prior in ("1,2,3", "1,2,3,4,5", "a,1,1,1,0.5", "0,1,1,1,0.5"):
        result = pvwatch("measures", table, "--prior", prior)  # type: ignore[operator]
        assert result.exit_code == 2, prior
        assert "five numbers: alpha1,beta1,alpha2,beta2,p" in result.output


def test_screen_tells_time_and_memory_and_writes_what_is_asked(pvwatch: object, tmp_path: Path) -> None:
    cases = tmp_path / "cases.csv"
    rows = [f"{i},A,rash,{'F' if i % 2 else 'M'}" for i in range(20)] + [f"{i},B,fever,F" for i in range(20, 40)]
    cases.write_text("id,drug,reaction,sex\n" + "\n".join(rows) + "\n", encoding="utf-8")
    out, masking = tmp_path / "pairs.parquet", tmp_path / "masking.csv"
    result = pvwatch(  # type: ignore[operator]
        *("screen", cases, "--case", "id", "--product", "drug", "--event", "reaction", "--stratum", "sex"),
        *("--variant", "truncated", "--out", out, "--masking", masking, "--json"),
    )
    summary = json.loads(result.stdout)
    assert summary["prior"]["variant"] == "truncated"
    assert {"read", "count", "fit", "ebgm", "strata", "write", "total"} <= set(summary["seconds"])
    assert summary["peak_mb"] > 10
    assert "ror_mh" in pd.read_parquet(out).columns
    assert list(pd.read_csv(masking)) != []


def test_export_says_what_it_wrote_and_what_is_wrong(pvwatch: object, export: Export, tmp_path: Path) -> None:
    run = pvwatch
    run("ingest", export("drug", [{}, {"报告表编码": "D2", "删除标识": "删除"}]))  # type: ignore[operator]
    out = tmp_path / "W46.xml"
    parties = ("--sender", "SHI", "--receiver", "SHENG")
    done = run("export", "--format", "e2b-r3", "--week", "2026-W46", *parties, "--out", out)  # type: ignore[operator]
    assert (done.exit_code, done.stdout) == (0, f"2 reports, 1 of them withdrawn: {out}\n")
    empty = run("export", "--format", "e2b-r3", "--week", "2026-W47", *parties, "--out", out)  # type: ignore[operator]
    assert "the file has no report" in empty.stderr
    table = tmp_path / "x.csv"
    done = run("export", "--format", "national", "--json", "--out", table)  # type: ignore[operator]
    assert json.loads(done.stdout) == {
        "file": str(table),
        "format": "national",
        "stream": "drug",
        "reports": 2,
        "withdrawn": 1,
        "not_written": [],
    }
    nobody = run("export", "--format", "e2b-r3", "--out", out)  # type: ignore[operator]
    assert (nobody.exit_code, "Give --sender" in nobody.stderr) == (1, True)
    both = ("--week", "2026-W46", "--to", "2026-W46")
    assert run("export", "--format", "national", *both, "--out", table).exit_code == 2  # type: ignore[operator]
    turned = ("--from", "2026-W47", "--to", "2026-W46")
    assert run("export", "--format", "national", *turned, "--out", table).exit_code == 2  # type: ignore[operator]
