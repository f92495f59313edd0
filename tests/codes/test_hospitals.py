import pandas as pd

from pv.codes.hospitals import assign


def test_names_former_names_and_codes_find_their_hospital() -> None:
    hospitals = pd.DataFrame(
        {
            "hospital_id": ["H1", "H2", "H3"],
            "name": ["第一医院", "中医院", "中医院分院"],
            "former_names": ["人民医院;老一院", "", "人民医院"],
        },
        dtype="str",
    )
    names = pd.Series(["第一医院", " 老一院 ", "H2", "人民医院", "外地医院", ""], dtype="str")
    # 人民医院 was the name of two hospitals: it is not guessed.
    assert assign(names, hospitals).tolist() == ["H1", "H1", "H2", "", "", ""]
