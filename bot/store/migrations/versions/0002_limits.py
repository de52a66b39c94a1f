"""Servers' limits, what was decided on members, turns, and what of a task these are reckoned by."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def _zero(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=sa.text("0"))


def upgrade() -> None:
    """Add the two tables and the tasks' new columns."""
    moment = sa.DateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.add_column("tasks", _zero("home", sa.BigInteger()))
    op.add_column("tasks", _zero("seconds", sa.Integer()))
    op.add_column("tasks", sa.Column("credits", sa.Float))
    op.add_column("tasks", sa.Column("granted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tasks", sa.Column("forgotten", sa.Boolean, nullable=False, server_default=sa.false()))
    tasks = sa.table("tasks", *map(sa.column, ("home", "guild_id", "user_id", "seconds")), sa.column("order", sa.JSON))
    home = sa.func.coalesce(tasks.c.guild_id, -tasks.c.user_id)
    op.execute(tasks.update().values(home=home, seconds=tasks.c.order["seconds"].as_integer()))
    op.drop_index("tasks_guild", "tasks")
    op.create_index("tasks_home", "tasks", ["home", "created_at"])
    op.create_index("tasks_created", "tasks", ["created_at"])
    op.create_index("tasks_changed", "tasks", ["changed_at"])
    op.create_index("tasks_line", "tasks", ["state", "home", "user_id"])
    op.create_table(
        "servers",
        sa.Column("home", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("limits", sa.JSON),
        sa.Column("server_running", sa.Integer),
        _zero("reset_after", number),
        _zero("turn", sa.Integer()),
        sa.Column("left_at", moment),
    )
    op.create_index("servers_turn", "servers", ["turn"])
    op.create_table(
        "members",
        sa.Column("home", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("blocked_at", moment),
        sa.Column("blocked_by", sa.BigInteger),
        _zero("granted", sa.Integer()),
        _zero("reset_after", number),
        _zero("turn", sa.Integer()),
    )
    op.create_index("members_user", "members", ["user_id"])
