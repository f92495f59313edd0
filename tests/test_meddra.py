import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from pv import pipeline, snapshots, store
from pv.reference import ReferenceDataError, build
from pv.reference.meddra import AMBIGUOUS, FILES, MedDRA, parse
from pv.schema import reference_snapshot
from pv.settings import Settings
from pv.week import instant_text
from tests.conftest import NOW

# Terms of nobody's dictionary.
LLT = "10$Alpha rash$10$\n11$Rash alpha-like$10$\n12$Beta fever$13$\n13$Beta pyrexia$13$\n14$Both$10$\n15$Both$13$\n"
PT = "10$Alpha rash$$93$\n13$Beta pyrexia$$97$\n"
MDHIER = (
    "10$91$92$93$Alpha rash$HLT a$HLGT a$Skin$Skin$$93$Y$\n"
    "10$91$92$94$Alpha rash$HLT a$HLGT a$Immune$Immun$$93$N$\n"
    "13$95$96$97$Beta pyrexia$HLT b$HLGT b$General$Genrl$$97$Y$\n"
)
TEXTS = {"meddra_llt": LLT, "meddra_pt": PT, "meddra_mdhier": MDHIER}


def test_terms_codes_and_the_primary_path() -> None:
    terms = parse(LLT, PT, MDHIER)
    assert terms.terms["rash alpha-like"] == terms.terms["alpha rash"] == "Alpha rash"
    assert terms.terms["both"] == AMBIGUOUS
    assert terms.codes == {"10": "Alpha rash", "11": "Alpha rash", "12": "Beta pyrexia", "13": "Beta pyrexia"} | {
        "14": "Alpha rash",
        "15": "Beta pyrexia",
    }
    assert terms.above["Alpha rash"] == ("HLT a", "HLGT a", "Skin")


def test_without_files_there_are_no_terms() -> None:
    assert parse("", "", "") == MedDRA() == build({}).meddra


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({**TEXTS, "meddra_pt": ""}, "meddra/pt.asc is missing"),
        ({**TEXTS, "meddra_llt": "10;Alpha rash;10\n"}, "meddra/llt.asc, row 1: “10;Alpha rash;10”"),
        ({**TEXTS, "meddra_llt": LLT + "16$Gamma$99$\n"}, "term 99 of “Gamma” is not in meddra/pt.asc"),
        ({**TEXTS, "meddra_mdhier": "10$91$\n"}, "meddra/mdhier.asc, row 1"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_row(texts: dict[str, str], told: str) -> None:
    with pytest.raises(ReferenceDataError, match=told):
        build(texts)


def test_files_are_kept_with_their_moment(tmp_path: Path, store_url: str) -> None:
    folder = tmp_path / "reference"
    (folder / "meddra").mkdir(parents=True)
    (folder / "hospitals.csv").write_text(
        "hospital_id,name,former_names,level,kind,district,sentinel,registered,reports_for\n", encoding="utf-8"
    )
    (folder / "areas.csv").write_text("code,name,parent\n", encoding="utf-8")
    settings = Settings.load({"PVWATCH_HOME": str(tmp_path), "PVWATCH_DATABASE_URL": store_url})
    engine = store.open_store(store_url)
    for name, text in TEXTS.items():
        (folder / FILES[name]).write_text(text, encoding="utf-8")
    pipeline.remember_reference(engine, settings, NOW)
    (folder / FILES["meddra_llt"]).write_text(LLT + "17$Alpha$10$\n", encoding="utf-8")
    for days in (1, 2):  # the second time nothing has changed
        pipeline.remember_reference(engine, settings, NOW + timedelta(days=days))
    with store.reading(engine) as connection:
        kept = connection.execute(reference_snapshot.select()).all()
        then, now = (snapshots.tables(connection, instant_text(NOW + timedelta(days=days))).meddra for days in (0, 1))
        assert snapshots.digests(connection)["meddra_pt"] == hashlib.sha256(PT.encode()).hexdigest()
    assert sorted(row.name for row in kept if "meddra" in row.name) == sorted(["meddra_llt", *TEXTS])
    assert ("17" in then.codes, "17" in now.codes) == (False, True)
    engine.dispose()
