"""Loads the files of the inbox: one DAG a stream of our own (`ingest_drug`, …), `ingest_foreign` for the databases of
other countries, `ingest_forms` for what people have filled in, `ingest_unknown` for all other files.

Files are loaded one at a time, the loose tables of a set together: SQLite has one writer. A refused file fails its own
`file_away` task, with the reason; the good files beside it are loaded and published all the same. A file whose load
breaks stays in the inbox for the next run. `publish` tells the asset `cases` which weeks were touched, if any were.
"""

from __future__ import annotations

import json
import logging
import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, TriggerRule, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

CASES = Asset("cases")
STREAMS = tomllib.loads(resources.files("pv").joinpath("reference", "streams.toml").read_text("utf-8"))
log = logging.getLogger(__name__)


def names(paths: list[str]) -> str:
    """Of a file, or of the tables of a set."""
    return ", ".join(Path(path).name for path in paths)


def ingest_dag(feed: str) -> Any:
    """The DAG of one feed; `unknown` takes the files that no layout recognises, which are refused."""

    @task
    def list_files() -> list[list[str]]:
        from pv import inbox
        from pv.settings import Settings

        return list(inbox.files(Settings.load(), feed))

    @task(max_active_tis_per_dagrun=1, map_index_template="{{ file_name }}")
    def load(paths: list[str]) -> dict[str, Any]:
        from pv import pipeline
        from pv.settings import Settings

        get_current_context()["file_name"] = names(paths)
        (loaded,) = pipeline.ingest(Settings.load(), [*map(Path, paths)], recorded_at=datetime.now(UTC))
        account = loaded.as_dict()
        del account["problems"]  # one a bad row, with what was written there: they stay in the store
        log.info("%s", json.dumps(account, ensure_ascii=False))
        return account

    @task(map_index_template="{{ file_name }}")
    def file_away(account: dict[str, Any], paths: list[str]) -> None:
        from pv import inbox, messages
        from pv.intake import FileAccount
        from pv.settings import Settings

        get_current_context()["file_name"] = names(paths)
        inbox.file_away(Settings.load(), FileAccount(**account), files=paths)
        if account["refused"]:
            reason = messages.refusal(account["refused"], account["refused_values"], messages.language())
            raise AirflowFailException(f"{', '.join(paths)} is refused. {reason}")

    @task_group
    def one_file(paths: list[str]) -> Any:
        account = load(paths)
        file_away(account, paths)
        return account

    @task(outlets=[CASES], trigger_rule=TriggerRule.ALL_DONE)
    def publish(accounts: Any, outlet_events: Any = None) -> list[str]:
        accounts = [accounts] if isinstance(accounts, dict) else accounts or []  # so Airflow gives one, and none
        weeks = sorted({week for account in accounts for week in account["weeks"]})
        if not weeks:
            raise AirflowSkipException("no week was touched")
        outlet_events[CASES].extra = {"weeks": weeks}
        return weeks

    @dag(
        dag_id=f"ingest_{feed}",
        schedule="*/15 * * * *",
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
        doc_md=__doc__,
        tags=["ingest"],
    )
    def ingest() -> None:
        publish(one_file.expand(paths=list_files()))

    return ingest()


OWN = [name for name, stream in STREAMS.items() if isinstance(stream, dict) and not stream.get("foreign")]
for _feed in [*OWN, "foreign", "forms", "unknown"]:
    ingest_dag(_feed)
