"""Tasks, and the bot's notes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    moment = sa.DateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "tasks",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("guild_id", sa.BigInteger),
        sa.Column("message_id", sa.BigInteger, nullable=False),
        sa.Column("order", sa.JSON, nullable=False),
        sa.Column("place", sa.JSON, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("clip", sa.JSON),
        sa.Column("submitted", sa.JSON),
        sa.Column("head_ends", sa.Float, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("remote_id", sa.Text, unique=True),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("sent_at", moment),
        sa.Column("rendered_at", moment),
        sa.Column("expected_at", moment),
        sa.Column("overdue", sa.Boolean, nullable=False),
        sa.Column("video_url", sa.Text),
        sa.Column("result_url", sa.Text),
        sa.Column("result_url_ends", moment),
        sa.Column("not_before", moment),
        sa.Column("result", sa.JSON),
        sa.Column("film", sa.JSON),
        sa.Column("reason", sa.Text),
        sa.Column("billed", sa.Text, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("tasks_state", "tasks", ["state", "told"])
    op.create_index("tasks_user", "tasks", ["user_id", "created_at"])
    op.create_index("tasks_guild", "tasks", ["guild_id", "created_at"])
    op.create_index("tasks_message", "tasks", ["message_id"], unique=True)
    op.create_table("notes", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
