"""Shares and showcases."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables of what is shared, and where."""
    moment = sa.DateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "shares",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("task_id", number, nullable=False),
        sa.Column("guild_id", sa.BigInteger, nullable=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("tried_at", moment, nullable=False),
        sa.Column("posted_at", moment),
        sa.Column("posted_in", sa.BigInteger),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("stars", sa.Integer, nullable=False),
        sa.Column("counted_at", moment),
        sqlite_autoincrement=True,
    )
    op.create_index("shares_place", "shares", ["task_id", "channel_id"], unique=True)
    op.create_index("shares_guild", "shares", ["guild_id", "posted_at"])
    op.create_table(
        "showcases",
        sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel_id", sa.BigInteger, nullable=False),
    )
