"""Which process works on a task, which processes there are, and what they must know of each other."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0004"


def upgrade() -> None:
    """Add the tasks' leases, and the three tables."""
    op.add_column("tasks", sa.Column("holder", sa.Text))
    op.add_column("tasks", sa.Column("fence", sa.Integer, nullable=False, server_default=sa.text("0")))
    tasks = sa.table("tasks", sa.column("told", sa.Boolean), sa.column("ping_due", sa.Boolean))
    unsettled = sa.or_(tasks.c.told.is_(False), tasks.c.ping_due.is_(True))
    op.create_index("tasks_unsettled", "tasks", ["holder"], sqlite_where=unsettled, postgresql_where=unsettled)
    op.create_table(
        "processes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("alive_until", sa.Float, nullable=False),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
    )
    op.create_table(
        "pauses",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("turn", sa.Float, nullable=False),
        sa.Column("gap", sa.Float, nullable=False),
    )
