"""Alembic's entry: the store hands over its open transaction; `alembic` itself may be given a URL."""

from alembic import context
from sqlalchemy import create_engine

from pv.schema import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    connection = create_engine(context.get_x_argument(as_dictionary=True)["url"]).connect()

context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
