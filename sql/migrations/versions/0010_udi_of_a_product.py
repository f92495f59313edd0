"""UDI and class of a product"""

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.add_column(sa.Column('udi', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('risk_class', sa.Text(), server_default='', nullable=False))


def downgrade():
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.drop_column('risk_class')
        batch_op.drop_column('udi')
