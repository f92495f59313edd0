from __future__ import annotations

from dataclasses import asdict, replace

from small_city import City

from pv.rendering.models import CHANGED, WeekInput
from pv.rendering.signal_model import signal_report


def test_every_row_with_a_status_is_an_alert_and_no_other(city: City) -> None:
    report = signal_report(city.week_input)
    signals = city.week_input.signals
    assert len(report.alerts) == (signals["status"] != "").sum() > 0
    in_tables = [
        alert for _, tables in report.sections for table in tables for alert in (*table.changed, *table.standing)
    ]
    assert sorted(map(str, (*in_tables, *report.lapsed))) == sorted(map(str, report.alerts))


def test_what_changed_comes_first_and_deaths_before_the_rest(city: City) -> None:
    alerts = signal_report(city.week_input).alerts
    ranks = [(alert.status not in CHANGED, alert.status == "lapsed") for alert in alerts]
    assert ranks == sorted(ranks)
    for status in {alert.status for alert in alerts}:
        deaths = [alert.deaths for alert in alerts if alert.status == status]
        assert deaths == sorted(deaths, reverse=True)


def test_a_pair_of_several_tables_is_assessed_once(city: City) -> None:
    report = signal_report(city.week_input)
    standing = [alert for alert in report.alerts if alert.status != "lapsed"]
    assert len(report.assessment) == len({alert.pair for alert in standing}) < len(standing)
    keys = [row[report.assessment.place("key")] for row in report.assessment.rows]
    assert len(keys) == len(set(keys))
    assert sum(sum(counts.values()) for _, counts in report.alert_counts) == len(
        {alert.pair for alert in report.alerts}
    )


def test_a_number_is_shown_with_its_product(city: City) -> None:
    plain = signal_report(city.week_input)
    first = plain.alerts[0]
    names = {first.stream: {(first.level, first.product): "某某片"}}
    report = signal_report(replace(city.week_input, product_names=names))
    shown = {alert.label for alert in report.alerts if alert.product_name}
    assert shown == {f"{first.product} 某某片"}
    place = report.assessment.place("product")
    assert shown < {row[place] for row in report.assessment.rows}
    assert [alert.key for alert in report.alerts] == [alert.key for alert in plain.alerts]  # known again next week


def test_the_form_is_empty_where_people_write(city: City) -> None:
    table = signal_report(city.week_input).assessment
    for name in ("conclusion", "measure", "responsible", "due_on", "assessor"):
        assert {row[table.place(name)] for row in table.rows} == {""}


def test_attention_names_what_waits(city: City) -> None:
    attention = {item.kind: item for item in signal_report(city.week_input).attention}
    assert attention["death"].count == 1
    assert attention["death"].by_stream == (("drug", 1),)
    assert attention["death"].grave
    assert attention["alert_new"].by_stream == (("device", 1),)
    assert attention["quarantined"].count == 2
    assert "no_reports" not in attention


def test_a_stream_that_falls_silent_is_noticed(city: City) -> None:
    filings = city.filings
    week = city.week_input.week
    gone = (filings["stream"] == "device") & (filings["received_on"] >= week.start.isoformat())
    attention = signal_report(replace(city.week_input, filings=filings[~gone])).attention
    assert [item.by_stream for item in attention if item.kind == "no_reports"] == [(("device", 1),)]


def test_an_empty_week_waits_for_nobody(empty_input: WeekInput) -> None:
    report = signal_report(empty_input)
    assert report.attention == ()
    assert report.alerts == ()
    assert {total.week for total in report.totals} == {0}


def test_the_order_does_not_depend_on_the_order_of_rows(city: City) -> None:
    names = ("signals", "filings", "quarantined", "files", "unmapped")
    turned = {name: getattr(city.week_input, name).iloc[::-1].reset_index(drop=True) for name in names}
    assert content(replace(city.week_input, **turned)) == content(city.week_input)


def test_extra_columns_of_signals_do_no_harm(city: City) -> None:
    more = city.week_input.signals.assign(product_in_group="x")
    assert content(replace(city.week_input, signals=more)) == content(city.week_input)


def content(week_input: WeekInput) -> str:
    """All that a report says, as text: NaN is then equal to NaN."""
    return repr(asdict(signal_report(week_input)))
