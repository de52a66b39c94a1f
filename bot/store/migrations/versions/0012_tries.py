"""How often a task was tried, and until when it waits."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns."""
    none = sa.text("0")
    op.add_column("tasks", sa.Column("tries", sa.Integer, nullable=False, server_default=none))
    op.add_column("tasks", sa.Column("crashes", sa.Integer, nullable=False, server_default=none))
    op.add_column("tasks", sa.Column("at_risk", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tasks", sa.Column("retry_at", sa.DateTime(timezone=True)))
