"""A small valid file of every format that is read: name → bytes. What a fuzz run changes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import xlsxwriter

from pv.exporting import e2b_r3, national
from pv.sources.icsr import Case, Drug, Reaction

_VALUES = {
    "drug": {
        "severity": "严重",
        "role": "怀疑",
        "name": "阿莫西林胶囊",
        "reaction": "皮疹（一般）；休克",
        "age": "6",
        "age_unit": "月",
    },
    "device": {"name": "输液器", "identifier": "国械注准20153141234", "harm": "其他", "failure": "漏液"},
    "cosmetic": {"name": "美白霜", "finding": "红斑、丘疹", "diagnosis": "接触性皮炎", "severity": "一般"},
}
_CASE = Case(
    "CN-1", "CN-1", "2026-11-15", "2026-11-10", "2026-11-12", "amendment", "更正", "spontaneous", "centre", "中心",
    "医院", "东区", "张三", "1980-01-02", (("hospital", "ZY7"),), "6", "month", "", "female",
    (Reaction("皮疹", "10037844", "2026-11-05", "recovering", ("other",)), Reaction("休克", outcome="death")),
    (Drug("suspect", "阿莫西林", ("某",), "国药准字H1", "甲", ("A1", "A2"), "2026-11-01"), Drug("", "布洛芬")),
)  # fmt: skip
_R2 = """<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE ichicsr SYSTEM "icsr21xml.dtd"><ichicsr lang="en">
<ichicsrmessageheader><messagetype>ichicsr</messagetype></ichicsrmessageheader>
<safetyreport><safetyreportid>CN-2</safetyreportid><receivedate>20261110</receivedate><receiptdate>20261112</receiptdate>
<serious>1</serious><seriousnessdeath>1</seriousnessdeath><sender><sendertype>1</sendertype>
<senderorganization>甲</senderorganization></sender><patient><patientonsetage>6</patientonsetage>
<patientonsetageunit>802</patientonsetageunit><patientsex>2</patientsex><reaction><primarysourcereaction>皮疹&amp;
</primarysourcereaction><reactionoutcome>5</reactionoutcome></reaction><drug>
<drugcharacterization>1</drugcharacterization><medicinalproduct>阿莫西林</medicinalproduct>
<drugbatchnumb>A1</drugbatchnumb></drug></patient></safetyreport></ichicsr>"""
_FAERS = {
    "ascii/DEMO17Q2.txt": "primaryid$caseid$caseversion$fda_dt$sex\r\n11$1$1$20170401$F\r\n21$2$1$20170402$M\r\n",
    "ascii/DRUG17Q2.txt": "primaryid$caseid$drug_seq$role_cod$drugname\r\n11$1$1$PS$ASPIRIN\r\n21$2$1$PS$WINE\r\n",
    "ascii/REAC17Q2.txt": "primaryid$caseid$pt\r\n11$1$Rash\r\n21$2$Nausea\r\n",
    "ascii/OUTC17Q2.txt": "primaryid$caseid$outc_cod\r\n11$1$DE\r\n",
    "deleted/DELETE17Q2.txt": "9\r\n",
}
_AERS = {
    "DEMO04Q1.TXT": "ISR$CASE$I_F_COD$FDA_DT$GNDR_COD$\r\n1$7$I$20040101$F$\r\n",
    "DRUG04Q1.TXT": "ISR$DRUG_SEQ$ROLE_COD$DRUGNAME$\r\n1$1$PS$ASPIRIN$\r\n",
    "REAC04Q1.TXT": "ISR$PT$\r\n1$Rash$\r\n",
}
_VAERS = {
    "1990VAERSDATA.csv": 'VAERS_ID,RECVDATE,AGE_YRS,SEX,SYMPTOM_TEXT\r\n1,07/02/1990,2,F,"Said ""no"", twice"\r\n',
    "1990VAERSVAX.csv": "VAERS_ID,VAX_TYPE,VAX_MANU,VAX_LOT,VAX_NAME\r\n1,MMR,MERCK,L1,MEASLES\r\n",
    "1990VAERSSYMPTOMS.csv": "VAERS_ID,SYMPTOM1,SYMPTOM2\r\n1,Rash,Pyrexia\r\n",
}
_MAUDE = {
    "mdrfoi.txt": "MDR_REPORT_KEY|EVENT_KEY|REPORT_NUMBER|DATE_RECEIVED|EVENT_TYPE\r\n1|1|R1|2020/01/02|M\r\n",
    "foidev.txt": "MDR_REPORT_KEY|BRAND_NAME|GENERIC_NAME|LOT_NUMBER\r\n1|PUMP|INFUSION PUMP|L1\r\n",
    "patient.txt": "MDR_REPORT_KEY|PATIENT_SEQUENCE_NUMBER|SEQUENCE_NUMBER_OUTCOME\r\n1|1|1. D\r\n",
    "foitext.txt": "MDR_REPORT_KEY|MDR_TEXT_KEY|FOI_TEXT\r\n1|1|It broke.\r\n",
}
_OPENFDA_DRUG = {
    "safetyreportid": "1", "receivedate": "20140312", "receiptdate": "20150312", "serious": "1",
    "patient": {
        "patientonsetage": "7", "patientonsetageunit": "801", "patientsex": "2",
        "drug": [{"drugcharacterization": "1", "medicinalproduct": "V", "activesubstance": None}],
        "reaction": [{"reactionmeddrapt": "Rash", "reactionoutcome": "1"}],
    },
}  # fmt: skip
_OPENFDA_DEVICE = {
    "mdr_report_key": "5", "report_number": "R5", "date_received": "20040801", "event_type": "Injury",
    "product_problems": ["Break"], "device": [{"generic_name": "TEST", "lot_number": "L1"}],
    "patient": [{"patient_age": "67 YR", "sequence_number_outcome": ["1, Death"]}],
}  # fmt: skip
_CAERS = (
    "RA_Report #,RA_CAERS Created Date,AEC_Event Start Date,PRI_Product Role,PRI_Reported Brand/Product Name,"
    "PRI_FDA Industry Code,PRI_FDA Industry Name,CI_Age at Adverse Event,CI_Age Unit,CI_Gender,AEC_One Row Outcomes,"
    "SYM_One Row Coded Symptoms\n1,1/1/2004,12/30/2003,Suspect,LIPSTICK,53,Cosmetics,45,Year(s),Female,"
    '"DEATH, OTHER","RASH, SWELLING"\n'
)
_MAUDE_FLAT = "report_number,event_type,date_received,device_name,manufacturer_d_name\nR1,Injury,2020-01-02,PUMP,ACME\n"


def valid_files() -> dict[str, bytes]:
    """Every format, at most a few KB each; the name says which."""
    found: dict[str, bytes] = {"e2b_r3.xml": _messages(), "e2b_r2.xml": _R2.encode()}
    for stream in national.STREAMS:
        rows = [national.headings(stream), _row(stream, "N1"), _row(stream, "N2")]
        found[f"{stream}.csv"] = _csv(rows).encode("utf-8-sig")
        found[f"{stream}_gb.txt"] = _csv(rows, "\t").encode("gb18030")
    found["drug.xlsx"] = _xlsx([national.headings("drug"), _row("drug", "N1")])
    sets = {"faers": _FAERS, "aers": _AERS, "vaers": _VAERS, "maude": _MAUDE}
    found |= {f"{name}.zip": packed(files) for name, files in sets.items()}
    for name, record in (("openfda_drug", _OPENFDA_DRUG), ("openfda_device", _OPENFDA_DEVICE)):
        found[f"{name}.json"] = json.dumps({"meta": {}, "results": [record, record]}).encode()
    found["openfda_drug.json.gz"] = gzip.compress(found["openfda_drug.json"], mtime=0)
    return found | {"caers.csv": _CAERS.encode(), "maude_flat.csv": _MAUDE_FLAT.encode()}


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _messages() -> bytes:
    stream = io.BytesIO()
    header = e2b_r3.Header("B", "S", "R", datetime(2026, 11, 22, tzinfo=UTC))
    e2b_r3.write([_CASE, _CASE], stream, header, personal=True)
    return stream.getvalue()


def _row(stream: str, number: str) -> list[str]:
    values = _VALUES[stream] | {"report_number": number, "received_on": "2026-11-10", "hospital": "第一医院"}
    return [values.get(column.field, "") for column in national.layout_of(stream).columns]


def _csv(rows: Sequence[Sequence[str]], separator: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue()


def _xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return stream.getvalue()
