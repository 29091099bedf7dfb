"""Migrations of a test's own, run by the platform's migrator."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

from quant.db import migrate

ENV = Path(migrate.__file__).with_name("migrations") / "env.py"


def write_migrations(folder: Path, bodies: Mapping[str, str], *, after: str | None = None) -> Path:
    """Write a folder of migrations.

    Args:
        folder: Where; made if absent.
        bodies: What each ``upgrade`` does, by revision, in order.
        after: Revision that the first follows, of an empty migration that stands for those before.
    """
    versions = folder / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENV.read_text())
    before = None
    for revision, body in {**({after: "pass"} if after else {}), **bodies}.items():
        (versions / f"{revision}_test.py").write_text(
            "import sqlalchemy as sa\n"
            "from alembic import op\n"
            "from quant.db import online\n\n"
            f"revision = {revision!r}\ndown_revision = {before!r}\n\n\n"
            f"def upgrade():\n{indent(dedent(body).strip(), '    ')}\n"
        )
        before = revision
    return folder
