"""How often a task was tried, and until when it waits; tokens of replies that are over are deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_ENDS = ("delivered", "failed", "cancelled", "unclear")
_BATCH = 500


def upgrade() -> None:
    """Add the columns, and delete the tokens that nobody needs."""
    none = sa.text("0")
    op.add_column("tasks", sa.Column("tries", sa.Integer, nullable=False, server_default=none))
    op.add_column("tasks", sa.Column("crashes", sa.Integer, nullable=False, server_default=none))
    op.add_column("tasks", sa.Column("at_risk", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tasks", sa.Column("retry_at", sa.DateTime(timezone=True)))
    _delete_tokens()


def _delete_tokens() -> None:
    columns = [sa.column("id", sa.BigInteger), sa.column("place", sa.JSON), sa.column("state", sa.Text)]
    tasks = sa.table("tasks", *columns, sa.column("told", sa.Boolean), sa.column("ping_due", sa.Boolean))
    over = sa.and_(tasks.c.state.in_(_ENDS), tasks.c.told.is_(True), tasks.c.ping_due.is_(False))
    connection, last = op.get_bind(), 0
    while rows := connection.execute(
        sa.select(tasks.c.id, tasks.c.place).where(over, tasks.c.id > last).order_by(tasks.c.id).limit(_BATCH)
    ).all():
        last = rows[-1].id
        for row in rows:
            if isinstance(row.place, dict) and row.place.get("token"):
                place = {**row.place, "token": ""}
                connection.execute(sa.update(tasks).where(tasks.c.id == row.id).values(place=place))
