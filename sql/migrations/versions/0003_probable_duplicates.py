"""probable duplicates"""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
INDEXED = (('case_version', 'onset_on'), ('case_version', 'record_hash'), ('case_product', 'product'))


def upgrade():
    op.create_table('case_person',
    sa.Column('version_id', KEY, autoincrement=False, nullable=False),
    sa.Column('name_hash', sa.Text(), nullable=False),
    sa.Column('birth_hash', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['case_version.version_id'], name=op.f('fk_case_person_version_id')),
    sa.PrimaryKeyConstraint('version_id', name=op.f('pk_case_person'))
    )
    op.create_index(op.f('ix_case_person_name_hash'), 'case_person', ['name_hash'], unique=False)

    op.create_table('case_pair',
    sa.Column('pair_id', KEY, autoincrement=False, nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('other_number', sa.Text(), nullable=False),
    sa.Column('weight', sa.Float(), nullable=False),
    sa.Column('probability', sa.Float(), nullable=False),
    sa.Column('zone', sa.Text(), nullable=False),
    sa.Column('explanation', sa.Text(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('pair_id', name=op.f('pk_case_pair'))
    )
    op.create_index(op.f('ix_case_pair_stream_case_number_other_number'), 'case_pair', ['stream', 'case_number', 'other_number'], unique=False)

    op.create_table('case_decision',
    sa.Column('decision_id', KEY, autoincrement=False, nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('other_number', sa.Text(), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('decided_by', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('decision_id', name=op.f('pk_case_decision'))
    )
    op.create_index(op.f('ix_case_decision_stream_case_number_other_number'), 'case_decision', ['stream', 'case_number', 'other_number'], unique=False)

    # A report can be merged again after people have parted it.
    with op.batch_alter_table('case_merge', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_case_merge_stream_case_number'), type_='unique')
        batch_op.create_index(batch_op.f('ix_case_merge_stream_case_number'), ['stream', 'case_number'], unique=False)
    for table, column in INDEXED:
        op.create_index(op.f(f'ix_{table}_{column}'), table, [column], unique=False)


def downgrade():
    for table, column in INDEXED:
        op.drop_index(op.f(f'ix_{table}_{column}'), table_name=table)
    with op.batch_alter_table('case_merge', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_merge_stream_case_number'))
        batch_op.create_unique_constraint(batch_op.f('uq_case_merge_stream_case_number'), ['stream', 'case_number'])
    op.drop_table('case_decision')
    op.drop_table('case_pair')
    op.drop_table('case_person')
