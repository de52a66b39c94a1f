"""A history that costs nothing: indexes by what is looked for, and the counts of deleted tasks."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_TASKS = sa.table(
    "tasks",
    sa.column("id", sa.BigInteger),
    sa.column("parent_id", sa.BigInteger),
    sa.column("message_id", sa.BigInteger),
    sa.column("changed_at"),
    sa.column("user_id", sa.BigInteger),
    sa.column("forgotten", sa.Boolean),
    sa.column("deleted", sa.Boolean),
    sa.column("has_token", sa.Boolean),
    sa.column("order", sa.JSON),
)
_AT_ONCE = 1000


def upgrade() -> None:
    """Add the indexes, the copy of the parent's number that one of them needs, and the table."""
    op.add_column("tasks", sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer, "sqlite")))
    _drop_nul()  # first: where there is one, PostgreSQL reads nothing out of that JSON
    parent = _TASKS.c.order["parent_id"].as_integer()
    op.execute(_TASKS.update().values(parent_id=parent).where(parent.is_not(None)))
    # Whether a place has a token is found out by the first sweep, which deletes it.
    op.add_column("tasks", sa.Column("has_token", sa.Boolean, nullable=False, server_default=sa.true()))
    op.create_index("tasks_rendered", "tasks", ["rendered_at"])
    for name, columns, where in (
        ("tasks_forgotten", ["user_id"], _TASKS.c.forgotten.is_(True)),
        ("tasks_deleted", ["id"], _TASKS.c.deleted.is_(True)),
        ("tasks_kept", ["changed_at"], _TASKS.c.message_id > sa.text("0")),
        ("tasks_parent", ["parent_id"], _TASKS.c.parent_id.is_not(None)),
        ("tasks_token", ["id"], _TASKS.c.has_token.is_(True)),
        ("tasks_free_failures", ["user_id", "changed_at"], sa.text("state = 'failed' AND billed = 'no'")),
    ):
        op.create_index(name, "tasks", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("shares_message", "shares", ["message_id"])
    numbers = ("delivered", "failed", "cancelled", "unclear", "seconds")
    op.create_table(
        "tallies",
        sa.Column("home", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")) for name in numbers),
        sa.Column("credits", sa.Float, nullable=False, server_default=sa.text("0")),
    )


def _has(text: str) -> sa.ColumnElement[bool]:
    return sa.cast(_TASKS.c.order, sa.Text).contains(text, autoescape=True)


def _drop_nul() -> None:
    """Take NUL characters out of prompts: PostgreSQL keeps them in JSON, and fails when it is to read them out."""
    connection, after = op.get_bind(), 0
    wanted = sa.select(_TASKS.c.id, _TASKS.c.order).where(_has("\\u0000")).order_by(_TASKS.c.id).limit(_AT_ONCE)
    while rows := connection.execute(wanted.where(_TASKS.c.id > after)).all():
        for number, order in rows:
            clean = json.loads(json.dumps(order), object_hook=_without_nul)
            connection.execute(_TASKS.update().where(_TASKS.c.id == number).values(order=clean))
            after = number


def _without_nul(fields: dict[str, object]) -> dict[str, object]:
    return {name: each.replace("\0", "") if isinstance(each, str) else each for name, each in fields.items()}
