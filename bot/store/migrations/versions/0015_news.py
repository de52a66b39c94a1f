"""When FoxAPI last reported something new about a task."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column. For a task that is rendering now, the time since its submission counts."""
    op.add_column("tasks", sa.Column("news_at", sa.DateTime(timezone=True)))
