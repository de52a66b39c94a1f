"""What processes do in turn, each so long after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "paces",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("free_at", sa.Float, nullable=False),
    )
