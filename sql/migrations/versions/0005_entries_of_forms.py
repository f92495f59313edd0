"""entries of forms"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('entry',
    sa.Column('entry_id', KEY, autoincrement=False, nullable=False),
    sa.Column('file_id', KEY, nullable=False),
    sa.Column('form', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('sheet', sa.Text(), nullable=False),
    sa.Column('row', sa.Integer(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['file.file_id'], name=op.f('fk_entry_file_id')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_entry'))
    )
    op.create_index(op.f('ix_entry_file_id'), 'entry', ['file_id'], unique=False)
    op.create_index(op.f('ix_entry_form_key'), 'entry', ['form', 'key'], unique=False)


def downgrade():
    op.drop_table('entry')
