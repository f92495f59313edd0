"""case store"""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('case_merge',
    sa.Column('merge_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('merged_into', sa.Text(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('merge_id', name=op.f('pk_case_merge')),
    sa.UniqueConstraint('stream', 'case_number', name=op.f('uq_case_merge_stream_case_number'))
    )
    op.create_table('file',
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('read', sa.Integer(), nullable=False),
    sa.Column('stored', sa.Integer(), nullable=False),
    sa.Column('unchanged', sa.Integer(), nullable=False),
    sa.Column('quarantined', sa.Integer(), nullable=False),
    sa.Column('warnings', sa.Integer(), nullable=False),
    sa.Column('cases', sa.Integer(), nullable=False),
    sa.Column('weeks', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('file_id', name=op.f('pk_file')),
    sa.UniqueConstraint('sha256', name=op.f('uq_file_sha256'))
    )
    with op.batch_alter_table('file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_file_recorded_at'), ['recorded_at'], unique=False)

    op.create_table('reference_snapshot',
    sa.Column('snapshot_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('snapshot_id', name=op.f('pk_reference_snapshot'))
    )
    op.create_table('revision',
    sa.Column('revision_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('week', sa.Text(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('as_of', sa.Text(), nullable=False),
    sa.Column('edition', sa.Text(), nullable=False),
    sa.Column('sha256', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('revision_id', name=op.f('pk_revision')),
    sa.UniqueConstraint('week', 'edition', 'revision', name=op.f('uq_revision_week_edition_revision'))
    )
    op.create_table('alert',
    sa.Column('alert_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('revision_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('event_kind', sa.Text(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('comparator', sa.Text(), nullable=False),
    sa.Column('window', sa.Text(), nullable=False),
    sa.Column('product', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('a', sa.BigInteger(), nullable=False),
    sa.Column('b', sa.BigInteger(), nullable=False),
    sa.Column('c', sa.BigInteger(), nullable=False),
    sa.Column('d', sa.BigInteger(), nullable=False),
    sa.Column('expected', sa.Float(), nullable=True),
    sa.Column('prr', sa.Float(), nullable=True),
    sa.Column('prr_low', sa.Float(), nullable=True),
    sa.Column('prr_high', sa.Float(), nullable=True),
    sa.Column('ror', sa.Float(), nullable=True),
    sa.Column('ror_low', sa.Float(), nullable=True),
    sa.Column('ror_high', sa.Float(), nullable=True),
    sa.Column('chi_square', sa.Float(), nullable=True),
    sa.Column('ic', sa.Float(), nullable=True),
    sa.Column('ic025', sa.Float(), nullable=True),
    sa.Column('ic975', sa.Float(), nullable=True),
    sa.Column('screens', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('first_week', sa.Text(), nullable=False),
    sa.Column('serious', sa.Integer(), nullable=False),
    sa.Column('deaths', sa.Integer(), nullable=False),
    sa.Column('hospitals', sa.Integer(), nullable=False),
    sa.Column('status_since', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['revision_id'], ['revision.revision_id'], name=op.f('fk_alert_revision_id')),
    sa.PrimaryKeyConstraint('alert_id', name=op.f('pk_alert'))
    )
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_revision_id'), ['revision_id'], unique=False)

    op.create_table('case_version',
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('effective_on', sa.Text(), nullable=False),
    sa.Column('modified_on', sa.Text(), nullable=False),
    sa.Column('content_hash', sa.Text(), nullable=False),
    sa.Column('left_out', sa.Text(), nullable=False),
    sa.Column('received_on', sa.Text(), nullable=False),
    sa.Column('reported_on', sa.Text(), nullable=False),
    sa.Column('onset_on', sa.Text(), nullable=False),
    sa.Column('discovered_on', sa.Text(), nullable=False),
    sa.Column('evaluated_on', sa.Text(), nullable=False),
    sa.Column('evaluated', sa.Integer(), nullable=False),
    sa.Column('serious', sa.Integer(), nullable=False),
    sa.Column('death', sa.Integer(), nullable=False),
    sa.Column('new', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('sex', sa.Text(), nullable=False),
    sa.Column('age_years', sa.Float(), nullable=True),
    sa.Column('hospital', sa.Text(), nullable=False),
    sa.Column('area', sa.Text(), nullable=False),
    sa.Column('patient_hash', sa.Text(), nullable=False),
    sa.Column('record_hash', sa.Text(), nullable=False),
    sa.Column('warnings', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['file.file_id'], name=op.f('fk_case_version_file_id')),
    sa.PrimaryKeyConstraint('version_id', name=op.f('pk_case_version'))
    )
    with op.batch_alter_table('case_version', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_version_file_id'), ['file_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_case_version_patient_hash'), ['patient_hash'], unique=False)
        batch_op.create_index(batch_op.f('ix_case_version_stream_case_number'), ['stream', 'case_number'], unique=False)

    op.create_table('quarantine',
    sa.Column('quarantine_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.Text(), nullable=False),
    sa.Column('case_number', sa.Text(), nullable=False),
    sa.Column('recorded_at', sa.Text(), nullable=False),
    sa.Column('received_on', sa.Text(), nullable=False),
    sa.Column('hospital', sa.Text(), nullable=False),
    sa.Column('sheet', sa.Text(), nullable=False),
    sa.Column('rows', sa.Text(), nullable=False),
    sa.Column('reasons', sa.Text(), nullable=False),
    sa.Column('content_hash', sa.Text(), nullable=False),
    sa.Column('raw', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['file.file_id'], name=op.f('fk_quarantine_file_id')),
    sa.PrimaryKeyConstraint('quarantine_id', name=op.f('pk_quarantine'))
    )
    with op.batch_alter_table('quarantine', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_quarantine_file_id'), ['file_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_quarantine_stream_case_number'), ['stream', 'case_number'], unique=False)

    op.create_table('case_event',
    sa.Column('case_event_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['case_version.version_id'], name=op.f('fk_case_event_version_id')),
    sa.PrimaryKeyConstraint('case_event_id', name=op.f('pk_case_event'))
    )
    with op.batch_alter_table('case_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_event_version_id'), ['version_id'], unique=False)

    op.create_table('case_product',
    sa.Column('case_product_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('product', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('identifier', sa.Text(), nullable=False),
    sa.Column('maker', sa.Text(), nullable=False),
    sa.Column('model', sa.Text(), nullable=False),
    sa.Column('lot', sa.Text(), nullable=False),
    sa.Column('class', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['case_version.version_id'], name=op.f('fk_case_product_version_id')),
    sa.PrimaryKeyConstraint('case_product_id', name=op.f('pk_case_product'))
    )
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_product_version_id'), ['version_id'], unique=False)



def downgrade():
    with op.batch_alter_table('case_product', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_product_version_id'))

    op.drop_table('case_product')
    with op.batch_alter_table('case_event', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_event_version_id'))

    op.drop_table('case_event')
    with op.batch_alter_table('quarantine', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_quarantine_stream_case_number'))
        batch_op.drop_index(batch_op.f('ix_quarantine_file_id'))

    op.drop_table('quarantine')
    with op.batch_alter_table('case_version', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_version_stream_case_number'))
        batch_op.drop_index(batch_op.f('ix_case_version_patient_hash'))
        batch_op.drop_index(batch_op.f('ix_case_version_file_id'))

    op.drop_table('case_version')
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alert_revision_id'))

    op.drop_table('alert')
    op.drop_table('revision')
    op.drop_table('reference_snapshot')
    with op.batch_alter_table('file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_file_recorded_at'))

    op.drop_table('file')
    op.drop_table('case_merge')
