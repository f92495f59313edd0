"""accounts of rows"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
COUNTS = 'read stored unchanged quarantined entered entries versions cleared warnings cases'.split()

# What is known of the loads before: one a file.
LOADS = """
INSERT INTO file_load (load_id, file_id, recorded_at, kind, "read", stored, unchanged, quarantined, entered, entries,
                       versions, cleared, warnings, cases, weeks)
SELECT f.file_id, f.file_id, f.recorded_at, 'first', f."read", f.stored, f.unchanged, f.quarantined,
       (SELECT COALESCE(SUM(q.row_count), 0) FROM quarantine q WHERE q.file_id = f.file_id),
       (SELECT COUNT(*) FROM quarantine q WHERE q.file_id = f.file_id),
       (SELECT COUNT(*) FROM case_version v WHERE v.file_id = f.file_id),
       0, f.warnings, f.cases, f.weeks
FROM file f
"""

# A report whose case was stored with it or after it did not wait any more.
CLOSINGS = """
INSERT INTO quarantine_closing (closing_id, quarantine_id, how, by_file, done_by, reason, recorded_at)
SELECT q.quarantine_id, q.quarantine_id, 'stored', '', '', '',
       (SELECT MIN(v.recorded_at) FROM case_version v
        WHERE v.stream = q.stream AND v.case_number = q.case_number AND v.recorded_at >= q.recorded_at)
FROM quarantine q
WHERE q.case_number <> '' AND EXISTS (
    SELECT 1 FROM case_version v
    WHERE v.stream = q.stream AND v.case_number = q.case_number AND v.recorded_at >= q.recorded_at)
"""


def upgrade():
    op.create_table('file_load',
    sa.Column('load_id', KEY, autoincrement=False, nullable=False),
    sa.Column('file_id', KEY, nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
    sa.Column('weeks', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['file.file_id'], name=op.f('fk_file_load_file_id')),
    sa.PrimaryKeyConstraint('load_id', name=op.f('pk_file_load'))
    )
    op.create_index(op.f('ix_file_load_file_id'), 'file_load', ['file_id'], unique=False)

    op.create_table('file_refusal',
    sa.Column('refusal_id', KEY, autoincrement=False, nullable=False),
    *(sa.Column(name, sa.Text(), nullable=False) for name in ('sha256', 'name', 'recorded_at', 'code', 'detail')),
    sa.PrimaryKeyConstraint('refusal_id', name=op.f('pk_file_refusal'))
    )

    op.create_table('quarantine_closing',
    sa.Column('closing_id', KEY, autoincrement=False, nullable=False),
    sa.Column('quarantine_id', KEY, nullable=False),
    *(sa.Column(name, sa.Text(), nullable=False) for name in ('how', 'by_file', 'done_by', 'reason', 'recorded_at')),
    sa.ForeignKeyConstraint(['quarantine_id'], ['quarantine.quarantine_id'], name=op.f('fk_quarantine_closing_quarantine_id')),
    sa.PrimaryKeyConstraint('closing_id', name=op.f('pk_quarantine_closing'))
    )
    op.create_index(op.f('ix_quarantine_closing_quarantine_id'), 'quarantine_closing', ['quarantine_id'], unique=False)

    op.add_column('case_version', sa.Column('row_count', sa.Integer(), server_default='0', nullable=False))
    op.add_column('quarantine', sa.Column('row_count', sa.Integer(), server_default='0', nullable=False))
    op.add_column('quarantine', sa.Column('modified_on', sa.Text(), server_default='', nullable=False))
    op.execute('''UPDATE quarantine SET row_count = LENGTH("rows") - LENGTH(REPLACE("rows", ',', '')) + 1''')
    op.execute(LOADS)
    op.execute(CLOSINGS)


def downgrade():
    for table in ('quarantine_closing', 'file_refusal', 'file_load'):
        op.drop_table(table)
    for table, columns in (('case_version', ['row_count']), ('quarantine', ['row_count', 'modified_on'])):
        with op.batch_alter_table(table, schema=None) as batch_op:
            for column in columns:
                batch_op.drop_column(column)
