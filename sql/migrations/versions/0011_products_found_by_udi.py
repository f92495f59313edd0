"""products found by UDI"""

from alembic import op

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index(op.f('ix_case_product_udi'), 'case_product', ['udi'], unique=False)


def downgrade():
    op.drop_index(op.f('ix_case_product_udi'), table_name='case_product')
