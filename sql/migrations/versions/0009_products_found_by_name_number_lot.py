"""products found by name, number and lot"""

from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

INDEXED = ('name', 'identifier', 'lot')


def upgrade():
    for column in INDEXED:
        op.create_index(op.f(f'ix_case_product_{column}'), 'case_product', [column], unique=False)


def downgrade():
    for column in INDEXED:
        op.drop_index(op.f(f'ix_case_product_{column}'), table_name='case_product')
