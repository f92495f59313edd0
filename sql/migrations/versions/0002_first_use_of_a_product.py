"""first use of a product"""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.add_column(sa.Column('used_from', sa.Text(), server_default='', nullable=False))


def downgrade():
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.drop_column('used_from')
