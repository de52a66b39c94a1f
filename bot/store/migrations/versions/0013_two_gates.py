"""Preparing has its own slots and turns; what a task needs on the disk is known before its turn."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the columns. A task that was being prepared goes on being prepared, and asks for its running slot then."""
    zero = sa.text("0")
    op.add_column("tasks", sa.Column("needs", sa.BigInteger, nullable=False, server_default=zero))
    op.add_column("tasks", sa.Column("room_wanted_at", sa.DateTime(timezone=True)))
    op.add_column("tasks", sa.Column("prepared_at", sa.DateTime(timezone=True)))
    for name in ("servers", "members"):
        op.add_column(name, sa.Column("slot_turn", sa.Integer, nullable=False, server_default=zero))
    op.create_index("servers_slot_turn", "servers", ["slot_turn"])
