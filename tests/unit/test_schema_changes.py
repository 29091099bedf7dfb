"""Every migration is an expansion or a contraction, and does what that may do (docs/adr/0025)."""

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from alembic.config import Config
from alembic.script import Script, ScriptDirectory
from migration_support import write_migrations

from quant.db import (  # noqa: F401 - registers their tables
    account_models,
    alert_models,
    analysis_models,
    audit_models,
    export_models,
    migrate,
    ml_models,
    pipeline_models,
)
from quant.db.models import Base

# No database was deployed with an earlier one: until here the schema was made anew each time.
BASELINE = "0009"

# What only a contraction may do.
CONTRACTS = {"ban-drop-column", "ban-drop-table", "adding-not-nullable-field"}
# Of squawk's rules, those that do not fit, each with the reason.
EXCLUDED = {
    "ban-drop-constraint": "a check is widened by another in its place; fewer break no code",
    "prefer-identity": "keys are UUIDs or natural; serial columns are not used",
    "prefer-bigint-over-int": "counts of a row are small; identifiers are UUIDs",
    "prefer-bigint-over-smallint": "likewise",
}
SQUAWK = Path(sys.executable).with_name("squawk")
# As the migrator sets them (quant.db.migrate).
TIMEOUTS = "set lock_timeout = '1s';\nset statement_timeout = '5s';\n"


def _scripts(folder: Path) -> dict[str, Script]:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    found = ScriptDirectory.from_config(config).walk_revisions()
    return {script.revision: script for script in found}


OWN = _scripts(Path(migrate.__file__).with_name("migrations"))
LATER = sorted(revision for revision in OWN if revision > BASELINE)


def squawk(sql: str) -> set[str]:
    """Return the rules that the SQL of a migration breaks."""
    # What is not all in one transaction is run again from the start if it fails on the way.
    again = sql.count("COMMIT;") > 1
    if again:
        sql = re.sub(r"^(BEGIN|COMMIT);$", "", sql, flags=re.MULTILINE)
    command = [str(SQUAWK), "--reporter", "json", "--pg-version", "18.0", "--stdin-filepath", "m"]
    command += [f"--exclude={','.join(EXCLUDED)}"]
    result = subprocess.run(
        command, input=TIMEOUTS + sql, capture_output=True, text=True, check=False
    )
    assert result.stdout.startswith("["), result.stderr
    return {finding["rule_name"] for finding in json.loads(result.stdout)}


def dropped(sql: str) -> tuple[set[tuple[str, str]], set[str]]:
    """Return the columns, with their tables, and the tables that SQL drops."""
    name = r"(?:if exists )?\"?(\w+)\"?"
    columns = re.findall(rf"alter table {name}\s+drop column {name}", sql, re.IGNORECASE)
    return set(columns), set(re.findall(rf"drop table {name}", sql, re.IGNORECASE))


def broken_rules(change: str | None, sql: str) -> set[str]:
    """Return what a migration does that it may not."""
    if change not in {"expand", "contract"}:
        return {"unmarked"}
    findings = squawk(sql)
    if change == "expand":
        return findings
    columns, tables = dropped(sql)
    used = {
        f"uses {table}.{column}"
        for table, column in columns
        if table in Base.metadata.tables and column in Base.metadata.tables[table].columns
    }
    used |= {f"uses {table}" for table in tables if table in Base.metadata.tables}
    return (findings - CONTRACTS) | used


def test_revisions_are_numbers_in_order() -> None:
    assert sorted(OWN) == [f"{number:04}" for number in range(1, len(OWN) + 1)]
    assert all(
        script.down_revision == (f"{int(revision) - 1:04}" if revision != "0001" else None)
        for revision, script in OWN.items()
    )


@pytest.mark.parametrize("revision", LATER)
def test_a_migration_keeps_to_the_rules(revision: str) -> None:
    module = OWN[revision].module
    assert not hasattr(module, "downgrade"), "migrations only go forward"
    assert broken_rules(getattr(module, "change", None), migrate.sql_of(revision)) == set()


def _rules_broken_by(folder: Path, change: str | None, body: str) -> set[str]:
    write_migrations(folder, {"0101": dedent(body)}, after="0100")
    return broken_rules(change, migrate.sql_of("0101", folder))


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("op.drop_column('trades', 'asset')", "ban-drop-column"),
        ("op.drop_table('trades')", "ban-drop-table"),
        ("op.alter_column('trades', 'asset', new_column_name='name')", "renaming-column"),
        ("op.rename_table('trades', 'deals')", "renaming-table"),
        ("op.alter_column('trades', 'asset', type_=sa.LargeBinary())", "changing-column-type"),
        ("op.alter_column('trades', 'ticker', nullable=False)", "adding-not-nullable-field"),
        ("op.create_index('ix_x', 'trades', ['asset'])", "require-concurrent-index-creation"),
        (
            "op.create_check_constraint('ck_x', 'trades', 'amount_min > 0')",
            "constraint-missing-not-valid",
        ),
        (
            "op.create_foreign_key('fk_x', 'trades', 'tickers', ['ticker'], ['symbol'])",
            "adding-foreign-key-constraint",
        ),
        (
            "op.create_unique_constraint('uq_x', 'trades', ['asset'])",
            "disallowed-unique-constraint",
        ),
        # It would fail when it is tried again after the index could not be built.
        (
            "op.add_column('trades', sa.Column('x', sa.Text()))\n"
            "online.create_index('ix_x', 'trades', ['x'])",
            "prefer-robust-stmts",
        ),
    ],
)
def test_an_expansion_may_not(tmp_path: Path, body: str, rule: str) -> None:
    assert rule in _rules_broken_by(tmp_path, "expand", body)


@pytest.mark.parametrize(
    "body",
    [
        "op.create_table('notes', sa.Column('id', sa.UUID(), primary_key=True))",
        "op.add_column('trades', sa.Column('x', sa.Text(), nullable=True))",
        "online.create_index('ix_x', 'trades', ['asset'])",
        "online.drop_index('ix_x')",
        "online.update_in_batches('trades', 'id', 'notes = notes', where='false')",
        "online.replace_check('ck_x', 'trades', 'amount_min > 0')",
        "op.add_column('trades', sa.Column('x', sa.Text()), if_not_exists=True)\n"
        "online.create_index('ix_x', 'trades', ['x'])",
    ],
)
def test_an_expansion_may(tmp_path: Path, body: str) -> None:
    assert _rules_broken_by(tmp_path, "expand", body) == set()


def test_a_contraction_drops_what_no_model_has(tmp_path: Path) -> None:
    body = "op.drop_column('trades', 'remark')\nop.drop_table('remarks')"
    assert _rules_broken_by(tmp_path, "contract", body) == set()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("op.drop_column('trades', 'asset')", "uses trades.asset"),
        ("op.execute('alter table trades drop column if exists asset')", "uses trades.asset"),
        ("op.drop_table('trades')", "uses trades"),
        ("op.alter_column('trades', 'x', new_column_name='y')", "renaming-column"),
        ("op.create_index('ix_x', 'trades', ['asset'])", "require-concurrent-index-creation"),
    ],
)
def test_a_contraction_may_not(tmp_path: Path, body: str, found: str) -> None:
    assert found in _rules_broken_by(tmp_path, "contract", body)


def test_an_unmarked_migration_is_refused(tmp_path: Path) -> None:
    assert _rules_broken_by(tmp_path, None, "pass") == {"unmarked"}


def test_the_template_of_a_migration_keeps_to_the_rules() -> None:
    template = Path(migrate.__file__).with_name("migrations") / "script.py.mako"
    assert 'change = "expand"' in template.read_text()
    assert "downgrade" not in template.read_text()
