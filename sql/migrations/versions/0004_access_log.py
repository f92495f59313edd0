"""access log"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
REFUSED = 'the access log is only ever added to'


def upgrade():
    op.create_table('access_log',
    sa.Column('access_id', KEY, autoincrement=False, nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('who', sa.Text(), nullable=False),
    sa.Column('what', sa.Text(), nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('access_id', name=op.f('pk_access_log'))
    )
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(
            'CREATE FUNCTION access_log_stays() RETURNS trigger LANGUAGE plpgsql AS '
            f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
        )
        op.execute(
            'CREATE TRIGGER access_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log '
            'FOR EACH STATEMENT EXECUTE FUNCTION access_log_stays()'
        )
        return
    for event in ('UPDATE', 'DELETE'):
        op.execute(
            f'CREATE TRIGGER access_log_no_{event.lower()} BEFORE {event} ON access_log '
            f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        )


def downgrade():
    op.drop_table('access_log')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION access_log_stays()')
