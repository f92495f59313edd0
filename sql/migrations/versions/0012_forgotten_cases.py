"""forgotten cases"""

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('forgotten_case',
    sa.Column('forgotten_id', KEY, autoincrement=False, nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('decided_by', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('forgotten_id', name=op.f('pk_forgotten_case')),
    sa.UniqueConstraint('stream', 'case_number', name=op.f('uq_forgotten_case_stream_case_number'))
    )
    op.create_table('redaction',
    sa.Column('redaction_id', KEY, autoincrement=False, nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('replaced_by', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('redaction_id', name=op.f('pk_redaction'))
    )
    op.create_index(op.f('ix_redaction_sha256'), 'redaction', ['sha256'], unique=False)


def downgrade():
    op.drop_table('redaction')
    op.drop_table('forgotten_case')
