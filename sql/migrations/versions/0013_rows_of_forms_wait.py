"""rows of forms wait in the quarantine: each says its layout, as a file may hold several forms"""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('quarantine', sa.Column('format', sa.Text(), server_default='', nullable=False))


def downgrade():
    op.drop_column('quarantine', 'format')
