"""Files leave the inbox encrypted: in their place stands a receipt that says what became of them and where they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pv import archive, messages, store
from pv.intake import FileAccount, forgotten
from pv.settings import Settings
from pv.sources import gathered
from pv.week import instant_text

RECEIPT, REASON = ".receipt.txt", ".reason.txt"


def file_away(settings: Settings, account: FileAccount, now: datetime | None = None, files: Sequence[str] = ()) -> None:
    """Put a receipt of a loaded file into `done/`, or the reason of a refusal into `refused/`, and remove the file.

    It is removed once its copy in the archive has been read back whole. A file that is another one by now stays for
    the next run. Raises ArchiveError where the copy is damaged: then the file stays as well. `files`: the tables of a
    set, which leave together.
    """
    paths = [path for path in map(Path, files or [account.file]) if path.parent == settings.inbox and path.is_file()]
    moment = instant_text((now or datetime.now(UTC)).astimezone(UTC))
    if len(paths) < max(1, len(files)):
        return
    if account.refused and len(paths) == 1:
        _refused(settings, paths[0], account, moment)
        return
    with gathered(paths, settings.home) as given:
        name = given[0].path.name
        if len(given) > 1 or archive.file_sha256(given[0].path) != account.sha256:
            return
    if account.refused:
        for path in paths:
            _refused(settings, path, replace(account, sha256=""), moment)
        return
    copy = _copy(settings, account.sha256)
    if copy != "":
        archive.check(archive.stored_path(settings.archive, copy or account.sha256), settings.require_key())
    _write(settings.inbox / "done", name, RECEIPT, account.sha256, _taken(name, account, moment, copy))
    for path in paths:
        path.unlink()


def _copy(settings: Settings, sha256: str) -> str | None:
    """What the archive keeps in the place of a file that tells forgotten cases; see `forgotten.kept_copy`."""
    with store.reading(store.open_store(settings.database_url)) as connection:
        return forgotten.kept_copy(connection, sha256)


def _refused(settings: Settings, path: Path, account: FileAccount, moment: str) -> None:
    folder = settings.inbox / "refused"
    reasons = [messages.refusal(account.refused, account.refused_values, lang) for lang in ("zh", "en")]
    try:
        sha256 = archive.file_sha256(path)
        if account.sha256 and sha256 != account.sha256:
            return
        kept = archive.keep(path, settings.archive / archive.REFUSED, sha256, settings.require_key())
        archive.check(kept, settings.require_key())
    except PermissionError:  # what cannot be read cannot be encrypted either: it is moved out of the way
        archive.private_folder(folder)
        shutil.move(path, folder / path.name)
        _write(folder, path.name, REASON, "", reasons)
        return
    _write(folder, path.name, REASON, sha256, [*reasons, "", *_where(path.name, sha256, moment)])
    path.unlink()


def _write(folder: Path, name: str, ending: str, sha256: str, lines: list[str]) -> None:
    """Another file of the same name keeps its text; the same file's is written again."""
    archive.private_folder(folder)
    target = folder / f"{name}{ending}"
    if target.exists() and sha256 not in target.read_text(encoding="utf-8"):
        target = folder / f"{Path(name).stem}.{sha256[:8]}{Path(name).suffix}{ending}"
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _taken(name: str, account: FileAccount, moment: str, copy: str | None) -> list[str]:
    rows = (account.read, account.stored, account.unchanged, account.quarantined)
    zh = "读取 {} 行 = 入库 {} + 未变 {} + 隔离 {}".format(*rows)
    en = "rows read {} = stored {} + unchanged {} + quarantined {}".format(*rows)
    return [
        f"{zh}；警告 {account.warnings}（{account.stream}，{account.format}）",
        f"{en}; warnings {account.warnings} ({account.stream}, {account.format})",
        "",
        *(_where(name, account.sha256, moment) if copy is None else _replaced(name, account.sha256, copy)),
    ]


def _replaced(name: str, sha256: str, copy: str) -> list[str]:
    """Of a file with the personal data of a case that is forgotten (`pvwatch forget`)."""
    lines = [
        f"文件“{name}”（SHA-256 {sha256}）含有已按要求删除个人信息的病例，原文件不予保存。",
        f"The file “{name}” (SHA-256 {sha256}) tells a case that is forgotten; it is not kept as it came.",
    ]
    if copy:
        lines += [
            "去除这些个人信息后的副本可以取回：",
            "A copy without these personal data can be had:",
            "",
            f'  pvwatch archive get {copy} --reason "…" --out "{name}"',
        ]
    return lines


def _where(name: str, sha256: str, moment: str) -> list[str]:
    return [
        f"原文件“{name}”已加密存入档案（{moment}），不再以明文存放。取回方法：",
        f"The file “{name}” is in the archive, encrypted ({moment}); no copy in clear is kept. To get it back:",
        "",
        f'  pvwatch archive get {sha256} --reason "…" --out "{name}"',
    ]
