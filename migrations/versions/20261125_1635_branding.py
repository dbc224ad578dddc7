"""branding: logo and colour of an organization

Revision: 20261125_1635
Revises: 20261125_1430
"""

import sqlalchemy as sa
from alembic import op


revision = "20261125_1635"
down_revision = "20261125_1430"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brandings",
        sa.Column("organization_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("colour", sa.String(length=7), nullable=True),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_sha256", sa.String(length=64), nullable=True),
        sa.Column("logo_width", sa.Integer(), nullable=True),
        sa.Column("logo_height", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.String(length=320), nullable=False),
        sa.CheckConstraint(
            "(logo IS NULL) = (logo_sha256 IS NULL) AND (logo IS NULL) = (logo_width IS NULL)"
            " AND (logo IS NULL) = (logo_height IS NULL)",
            name=op.f("ck_brandings_logo_complete"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_brandings_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_brandings")),
    )


def downgrade() -> None:
    op.drop_table("brandings")
