#!/bin/sh
# Runs before Airflow's services: its database up to date, and the password of its page.
set -eu
airflow db migrate
umask 077
python -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' \
  > "$AIRFLOW_HOME/passwords.json"
