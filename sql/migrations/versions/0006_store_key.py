"""key of the hashes"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade():
    op.create_table('store_key',
    sa.Column('store_key_id', KEY, autoincrement=False, nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('sealed', sa.Text(), nullable=False),
    sa.Column('mark', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('store_key_id', name=op.f('pk_store_key'))
    )


def downgrade():
    op.drop_table('store_key')
