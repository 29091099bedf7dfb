"""Schema migrations: bring a database to the newest revision."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, make_url

_SCRIPTS = Path(__file__).with_name("migrations")


def _config(url: str | URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    # Passed as an attribute: in an ini option a password's percent signs would be interpolated.
    config.attributes["url"] = make_url(url)
    return config


def upgrade(url: str | URL, revision: str = "head") -> None:
    """Migrate the database at ``url`` up to ``revision``.

    Args:
        url: SQLAlchemy URL with the rights of the schema's owner.
        revision: Target revision, the newest by default.
    """
    command.upgrade(_config(url), revision)


def head() -> str:
    """Return the newest revision the code knows."""
    revision = ScriptDirectory(str(_SCRIPTS)).get_current_head()
    if revision is None:
        msg = f"no migrations in {_SCRIPTS}"
        raise RuntimeError(msg)
    return revision
