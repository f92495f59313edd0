"""Whole files that intake must refuse, one of each kind."""

from __future__ import annotations

from pathlib import Path

from pv.demo.writers import csv_bytes, layout

_MANY = 10_000


def write_broken_files(folder: Path, whole_export: Path) -> list[dict[str, str]]:
    """Write them into folder/broken; `whole_export` is a good drug export to cut short. Returns file and reason."""
    target = folder / "broken"
    target.mkdir(parents=True, exist_ok=True)
    device = layout("device").headings
    # Both columns of that name: the user's and the holder's.
    without_harm = [heading for heading in device if heading != "伤害"]
    cosmetic = layout("cosmetic").headings
    wide = [*cosmetic, *(f"列{n}" for n in range(_MANY))]
    files: dict[str, tuple[str, bytes]] = {
        "drug_truncated.xlsx": ("truncated", whole_export.read_bytes()[:4000]),
        "device_empty.csv": ("empty", b""),
        "device_missing_column.csv": (
            "column_missing",
            csv_bytes(without_harm, [[str(n) for n in range(len(without_harm))]], "gb18030"),
        ),
        "unknown_layout.csv": (
            "unknown_layout",
            csv_bytes(["日期", "科室", "金额"], [["2026-11-10", "内科", "12.50"]], "utf-8-sig"),
        ),
        "text.xlsx": ("unknown_layout", "这不是一个工作簿，只是一段文字。\r\n".encode()),
        "cosmetic_10000_columns.csv": ("too_wide", csv_bytes(wide, [["0"] * len(wide)], "utf-8-sig")),
    }
    for name, (_, content) in files.items():
        (target / name).write_bytes(content)
    return [{"file": f"broken/{name}", "reason": reason} for name, (reason, _) in files.items()]
