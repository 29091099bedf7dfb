"""Create the append-only audit log; docs/audit.md describes it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FIRST_MONTH, LAST_MONTH = "2026-01-01", "2028-12-01"

EVENTS = (
    "registered",
    "email_verified",
    "login_succeeded",
    "login_failed",
    "token_refreshed",
    "refresh_token_reused",
    "logged_out",
    "session_revoked",
    "password_changed",
    "api_token_created",
    "api_token_revoked",
    "tier_changed",
    "limit_exceeded",
    "admin_read",
    "exported",
    "signing_key_rotated",
    "audit_purged",
)

# Fields are length-prefixed as in PostgreSQL's binary COPY: four bytes big-endian, then UTF-8;
# null is the length -1.
CANONICAL_FORM = """
create function audit_field(value text) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return case when value is null then int4send(-1)
    else int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') end;

create function audit_time(value timestamptz) returns text
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
"""

# The lock time-out is below the time after which a client gives up on its connection.
# The owner's rights, so that the application needs none on the tables; pg_temp last, so that a
# caller's temporary table cannot stand in for one of ours.
APPEND = """
create function append_audit_entry(
    p_entry_id uuid,
    p_occurred_at timestamptz,
    p_event text,
    p_actor uuid,
    p_target text,
    p_request_id text,
    p_user_agent_hash text,
    p_network text,
    p_tags text[],
    p_details json
) returns bigint
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set lock_timeout = '1s'
as $$
declare
    v_head public.audit_chain_head%rowtype;
    v_entry_id uuid := coalesce(p_entry_id, gen_random_uuid());
    v_recorded_at timestamptz;
    v_occurred_at timestamptz;
    v_hash bytea;
begin
    -- Held until the caller's transaction ends: what is appended after it is numbered after it.
    select * into strict v_head from public.audit_chain_head for update;
    v_recorded_at := greatest(clock_timestamp(), v_head.recorded_at);
    v_occurred_at := least(coalesce(p_occurred_at, v_recorded_at), v_recorded_at);
    -- The margin is longer than a queue keeps a message, and prunes the months before.
    if p_entry_id is not null and exists (
        select from public.audit_log
        where entry_id = p_entry_id and recorded_at >= v_occurred_at - interval '31 days'
    ) then
        return null;
    end if;
    v_head.sequence := v_head.sequence + 1;
    v_hash := sha256(
        v_head.hash
        || public.audit_field('quant-audit-1')
        || public.audit_field(v_head.sequence::text)
        || public.audit_field(v_entry_id::text)
        || public.audit_field(public.audit_time(v_recorded_at))
        || public.audit_field(public.audit_time(v_occurred_at))
        || public.audit_field(p_event)
        || public.audit_field(p_actor::text)
        || public.audit_field(p_target)
        || public.audit_field(p_request_id)
        || public.audit_field(p_user_agent_hash)
        || public.audit_field(p_network)
        || public.audit_field(cardinality(p_tags)::text)
        || coalesce(
            (
                select string_agg(public.audit_field(tag), ''::bytea order by position)
                from unnest(p_tags) with ordinality as tags (tag, position)
            ),
            ''::bytea
        )
        || public.audit_field(p_details::text)
    );
    insert into public.audit_log (
        sequence, recorded_at, occurred_at, entry_id, event, actor, target, request_id,
        user_agent_hash, network, tags, details, previous_hash, hash
    ) values (
        v_head.sequence, v_recorded_at, v_occurred_at, v_entry_id, p_event, p_actor, p_target,
        p_request_id, p_user_agent_hash, p_network, p_tags, p_details, v_head.hash, v_hash
    );
    update public.audit_chain_head
    set sequence = v_head.sequence, recorded_at = v_recorded_at, hash = v_hash;
    return v_head.sequence;
end $$;
"""

# Run by the owner. A month that was not made in time has its rows in the default partition; they
# are moved, which the chain does not notice: it does not say where a row is stored.
CREATE_MONTHS = """
create function create_audit_months(first_month date, last_month date) returns integer
language plpgsql set search_path = pg_catalog, public, pg_temp
as $$
declare
    v_month date := date_trunc('month', first_month);
    v_from timestamptz;
    v_to timestamptz;
    v_name text;
    v_made integer := 0;
begin
    while v_month <= last_month loop
        v_name := to_char(v_month, '"audit_log_"YYYY_MM');
        v_from := v_month::timestamp at time zone 'UTC';
        v_to := (v_month + interval '1 month')::timestamp at time zone 'UTC';
        if to_regclass(format('public.%I', v_name)) is null then
            execute format(
                'create table public.%I (like public.audit_log including defaults '
                'including constraints)', v_name
            );
            execute format('revoke all on public.%I from quant_app', v_name);
            execute format('grant select on public.%I to quant_app', v_name);
            execute format(
                'with moved as (delete from public.audit_log_default '
                'where recorded_at >= %L and recorded_at < %L returning *) '
                'insert into public.%I select * from moved', v_from, v_to, v_name
            );
            execute format(
                'alter table public.audit_log attach partition public.%I '
                'for values from (%L) to (%L)', v_name, v_from, v_to
            );
            v_made := v_made + 1;
        end if;
        v_month := v_month + interval '1 month';
    end loop;
    return v_made;
end $$;
"""

# New tables come with insert, update and delete for the application (migration 0001).
RIGHTS = """
revoke all on audit_log, audit_log_default, audit_chain_head, audit_anchors from quant_app;
grant select on audit_log, audit_log_default, audit_chain_head, audit_anchors to quant_app;
revoke all on function
    audit_field(text),
    audit_time(timestamptz),
    create_audit_months(date, date),
    append_audit_entry(uuid, timestamptz, text, uuid, text, text, text, text, text[], json)
from public;
grant execute on function
    append_audit_entry(uuid, timestamptz, text, uuid, text, text, text, text, text[], json)
to quant_app;
"""


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_id", sa.UUID(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(*EVENTS, name="event", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("actor", sa.UUID(), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("user_agent_hash", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", "recorded_at", name=op.f("pk_audit_log")),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    op.create_index("ix_audit_log_actor_sequence", "audit_log", ["actor", "sequence"])
    op.create_index("ix_audit_log_event_sequence", "audit_log", ["event", "sequence"])
    op.create_index("ix_audit_log_target_sequence", "audit_log", ["target", "sequence"])
    op.create_index(op.f("ix_audit_log_entry_id"), "audit_log", ["entry_id"])
    op.create_index(op.f("ix_audit_log_request_id"), "audit_log", ["request_id"])
    op.create_table(
        "audit_chain_head",
        sa.Column("id", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_chain_head_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chain_head")),
    )
    op.create_table(
        "audit_anchors",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "purged_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_anchors")),
    )
    op.execute("create table audit_log_default partition of audit_log default")
    op.execute(CANONICAL_FORM)
    op.execute(APPEND)
    op.execute(CREATE_MONTHS)
    op.execute(
        "insert into audit_chain_head (sequence, recorded_at, hash)"
        " values (0, 'epoch', decode(repeat('00', 32), 'hex'))"
    )
    op.execute(RIGHTS)
    op.execute(f"select create_audit_months('{FIRST_MONTH}', '{LAST_MONTH}')")


def downgrade() -> None:
    raise NotImplementedError("migrations only go forward; restore a backup instead")
