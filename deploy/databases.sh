#!/bin/sh
# Runs once, when the server's folder is made: a database each for Airflow and for the cases, with its own owner.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
  --set=airflow="$AIRFLOW_DB_PASSWORD" --set=pvwatch="$PVWATCH_DB_PASSWORD" <<'SQL'
CREATE ROLE airflow LOGIN PASSWORD :'airflow';
CREATE ROLE pvwatch LOGIN PASSWORD :'pvwatch';
CREATE DATABASE airflow OWNER airflow ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
CREATE DATABASE pvwatch OWNER pvwatch ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0;
REVOKE CONNECT ON DATABASE airflow, pvwatch FROM PUBLIC;
SQL
