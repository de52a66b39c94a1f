"""Notifying members at the end, deleting replies, and members' own choices."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("tasks", sa.Column("ping_due", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tasks", sa.Column("ping_at", sa.DateTime(timezone=True)))
    op.add_column("tasks", sa.Column("deleted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "wishes",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("notify", sa.Text, nullable=False),
    )
