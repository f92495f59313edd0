"""The documents: what they say of commands, settings, files and columns is what the program has; links resolve."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import unicodedata
from pathlib import Path

import click
import pytest

from pv import __version__, reference
from pv.cli import main
from pv.reference import shipped_toml, streams
from pv.rendering.tables import CSV_TABLES
from pv.signals.screens import load_screens
from pv.sources.forms import forms
from pv.sources.layouts import layouts

PROJECT = Path(__file__).parents[1]
DOCUMENTS = {
    path.relative_to(PROJECT).as_posix(): path.read_text(encoding="utf-8")
    for path in [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").rglob("*.md"))]
}
README, README_ZH = DOCUMENTS["README.md"], DOCUMENTS["README.zh.md"]
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *```(\w*)(?: (\S+))?\n(.*?)^ *```$", flags=re.MULTILINE | re.DOTALL)

every_document = pytest.mark.parametrize("name", DOCUMENTS)


def section(text: str, heading: str) -> str:
    """From a second-level heading to the next one."""
    return re.split(r"^## ", text.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def shell_lines(text: str) -> list[str]:
    """The commands of the shell blocks, continued lines joined."""
    blocks = [body for language, _, body in BLOCK.findall(text) if language == "sh"]
    return [line.strip() for body in blocks for line in body.replace("\\\n", " ").splitlines() if line.strip()]


def options(command: click.Command) -> set[str]:
    """Of the command, or of all commands of a group."""
    own = {name for p in command.params if isinstance(p, click.Option) for name in p.opts if name.startswith("--")}
    return own.union(*map(options, command.commands.values())) if isinstance(command, click.Group) else own


# Links


def anchors(text: str) -> set[str]:
    """Anchors of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_document
def test_links_resolve(name: str) -> None:
    here = PROJECT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (here.parent / path).resolve() if path else here
        assert file.is_file(), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


def test_every_document_can_be_reached_from_the_readme() -> None:
    seen, todo = set(), ["README.md"]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        targets = re.findall(r"\]\(([^)#\s]+\.md)", DOCUMENTS[name])
        todo += [((PROJECT / name).parent / target).resolve().relative_to(PROJECT).as_posix() for target in targets]
    assert seen == set(DOCUMENTS)


# Commands


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_described_with_all_its_options(name: str) -> None:
    described = section(DOCUMENTS["docs/commands.md"], name)
    assert f"pvwatch {name}" in described
    named = set(re.findall(r"`(--[a-z-]+)`", described))
    assert options(main.commands[name]) <= named
    assert named - {"--json"} <= options(main.commands[name])


def test_no_command_is_described_that_is_not_there() -> None:
    headings = re.findall(r"^## (.+)$", DOCUMENTS["docs/commands.md"], flags=re.MULTILINE)
    assert sorted(headings) == sorted(main.commands)


@every_document
def test_examples_of_commands_can_be_typed(name: str) -> None:
    for line in shell_lines(DOCUMENTS[name]):
        found = re.search(r"(?:^|[\s/(])pvwatch (?!-)(.+)$", line.split("#")[0])
        if found is None:
            continue
        words = shlex.split(re.split(r"[)>|;&]", found[1])[0])
        command = main.commands[words[0]]
        if isinstance(command, click.Group):
            command = command.commands.get(words[1] if len(words) > 1 else "", command)
        used = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert used <= options(command), line
        needed = {p.opts[0] for p in command.params if isinstance(p, click.Option) and p.required}
        assert needed <= used, line


# Make


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):.*##", MAKEFILE, flags=re.MULTILINE))


def test_the_two_commands_of_the_readme_are_the_makefiles() -> None:
    for text in (README, README_ZH):
        first = next(body for language, _, body in BLOCK.findall(text) if language == "sh")
        assert first.split("\n") == ["make demo", "make test", ""]
    assert {"demo", "test"} <= make_targets()


def test_make_targets_are_those_described() -> None:
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"[`\n ]make ([a-z]+)[`\n]", text)}
    assert named == make_targets()


# Settings and data


def test_environment_variables_are_those_of_the_program() -> None:
    sources = [*(PROJECT / "pv").rglob("*.py"), *(PROJECT / "tests").glob("*.py")]
    used = {name for path in sources for name in re.findall(r"\bPVWATCH_[A-Z_]+", path.read_text(encoding="utf-8"))}
    named = {name for text in DOCUMENTS.values() for name in re.findall(r"\bPVWATCH_[A-Z_]+", text)}
    assert named == used
    table = section(README, "Environment variables")
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == used - {"PVWATCH_TEST_POSTGRES"}


@pytest.mark.parametrize("table", reference.COLUMNS)
def test_reference_tables_are_described_column_by_column(table: str) -> None:
    described = section(DOCUMENTS["docs/reference-data.md"], f"{table}.csv")
    first_table = described.split("\n\n| metric")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", first_table, flags=re.MULTILINE)) == reference.COLUMNS[table]


def test_the_examples_of_reference_tables_are_read_together() -> None:
    found = {name: body for language, name, body in BLOCK.findall(DOCUMENTS["docs/reference-data.md"]) if name}
    assert set(found) == {f"{table}.csv" for table in reference.COLUMNS}
    known = reference.build({name.removesuffix(".csv"): text for name, text in found.items()})
    assert known.root_area == "云泽市"
    assert all(len(getattr(known, table)) >= 2 for table in reference.COLUMNS)
    assert set(known.quotas["hospital_id"]) <= set(known.hospitals["hospital_id"])
    assert set(known.targets["metric"]) <= set(shipped_toml("targets")["metrics"])


def test_shipped_data_are_described() -> None:
    text = DOCUMENTS["docs/reference-data.md"]
    for path in reference.SHIPPED.iterdir():
        if path.suffix in {".toml", ".csv"} or path.name == "layouts":
            assert path.name in text
    for metric in shipped_toml("targets")["metrics"]:
        assert f"| `{metric}` |" in text


def test_layouts_are_described() -> None:
    text = DOCUMENTS["docs/layouts.md"]
    for layout in layouts():
        (row,) = re.findall(rf"^\| `{layout.name}` \|.*$", text, flags=re.MULTILINE)
        required = [column.name for column in layout.columns if column.required]
        assert [name for name in [*required, *layout.detect] if name not in row] == []


def test_forms_are_described() -> None:
    assert [form.name for form in forms() if f"| `{form.name}` |" not in DOCUMENTS["docs/forms.md"]] == []


def test_screens_and_streams_are_described() -> None:
    text = DOCUMENTS["docs/methods.md"]
    described = re.findall(r"^\| `(\w+)` \| (.+?) \|.*\| (\w) \|$", section(text, "Screens"), flags=re.MULTILINE)
    assert described == [(screen.name, str(screen.rule), screen.mark) for screen in load_screens()]
    for stream in streams().values():
        (row,) = re.findall(rf"^\| {stream.name} \|.*$", text, flags=re.MULTILINE)
        assert [name for name in [*stream.event_kinds, *stream.levels] if name not in row] == []


def test_dags_are_described() -> None:
    text = DOCUMENTS["docs/operations.md"]
    own = [name for name, stream in streams().items() if not stream.foreign]
    for dag in [*(f"ingest_{stream}" for stream in [*own, "foreign", "forms", "unknown"]), "weekly"]:
        assert f"`{dag}`" in text


def translations() -> dict[str, str]:
    """English text of the reports → Chinese, of the messages without a plural."""
    text = (PROJECT / "reports/locale/zh/LC_MESSAGES/pvwatch.po").read_text(encoding="utf-8")
    return dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', text, flags=re.MULTILINE))


@pytest.mark.parametrize("report", ["signals", "hospitals"])
def test_sections_of_the_reports_are_described_in_their_order(report: str) -> None:
    template = (PROJECT / f"reports/html/{report}.html").read_text(encoding="utf-8")
    titles = re.findall(r'\("\w+", _\("(.+?)"\)\)', template.split("{% set contents = [")[1].split("] %}")[0])
    chinese = translations()
    rows = [f"| {place} {title} {chinese[title]} |" for place, title in enumerate(titles, start=1)]
    assert [row for row in rows if row not in DOCUMENTS["docs/reports.md"]] == []


def test_output_files_are_described() -> None:
    for name in CSV_TABLES:
        assert f"`{name}.csv`" in DOCUMENTS["docs/reports.md"]


def test_exit_codes_are_described() -> None:
    codes = re.findall(r"^\| (\d) \|", section(README, "Exit codes"), flags=re.MULTILINE)
    assert codes == ["0", "1", "2", "3"]


# What is generated, versions, and what must not be named


def test_data_dictionary_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("data_dictionary", PROJECT / "tools" / "data_dictionary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = DOCUMENTS["docs/data-dictionary.md"]
    assert written == module.dictionary(), "write it again: sh tools/run python tools/data_dictionary.py"


def test_changelog_has_this_version() -> None:
    newest = re.findall(r"^## (\S+)", DOCUMENTS["CHANGELOG.md"], flags=re.MULTILINE)[0]
    assert newest == __version__


def test_licence_is_the_whole_apache_licence() -> None:
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert text.split()[:6] == ["Apache", "License", "Version", "2.0,", "January", "2004"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


def test_decisions_are_numbered_and_complete() -> None:
    records = [name for name in DOCUMENTS if re.match(r"docs/decisions/\d", name)]
    assert [int(Path(name).name[:4]) for name in records] == list(range(1, len(records) + 1))
    for number, name in enumerate(records, start=1):
        text = DOCUMENTS[name]
        assert text.startswith(f"# {number} ")
        assert [word for word in ("Context", "Decision", "Consequences") if f"**{word}.**" not in text] == []
        assert Path(name).name in DOCUMENTS["docs/decisions/README.md"]


# A plan that is a consultation draft and must not be quoted, by its name and abbreviation; places of one machine;
# addresses of package indexes.
UNWANTED = ["\u5929\u6d25", r"\bTJ\b", r"/work\b", r"/opt/", r"/root\b", r"index-url", r"pypi", r"/simple\b", "tuna"]


@every_document
def test_nothing_unwanted_is_named(name: str) -> None:
    text = unicodedata.normalize("NFKC", DOCUMENTS[name])
    assert [pattern for pattern in UNWANTED if re.search(pattern, text, flags=re.IGNORECASE)] == []


def test_scripts_of_the_documents_can_be_parsed() -> None:
    for text in DOCUMENTS.values():
        for language, _, body in BLOCK.findall(text):
            if language == "sh":
                subprocess.run(["sh", "-n"], input=body, text=True, check=True)
