"""How the objects of a database are defined, as the server itself prints it.

One statement for each kind, which gives one line of text for each object. The session's search path
is empty, so that names are printed with their schema.
"""

from typing import Final

_OWN: Final = """
    n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_depend d
        where d.classid = '{catalogue}'::regclass and d.objid = {object}.oid and d.deptype = 'e')
"""
_OWN_CLASS: Final = _OWN.format(catalogue="pg_class", object="c")
_OWN_FUNCTION: Final = _OWN.format(catalogue="pg_proc", object="p")
_GRANTEE: Final = "case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end"

# Read again, ``x in ('a', 'b')`` of a varchar is printed with other casts and brackets.
_PLAIN_CHECK: Final = r"""
    regexp_replace(pg_get_constraintdef(k.oid), '::(text|character varying)(\[\])?|[()]', '', 'g')
"""

DEFINITIONS: Final = {
    "relation": f"""
        select format('%s %s owner %s persistence %s partition %s of %s %s', c.relkind,
            c.oid::regclass, c.relowner::regrole, c.relpersistence, pg_get_partkeydef(c.oid),
            (select inhparent::regclass from pg_inherits where inhrelid = c.oid),
            pg_get_expr(c.relpartbound, c.oid))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {_OWN_CLASS}
    """,
    "column": f"""
        select format('%s %s %s not null %s default %s identity %s generated %s collation %s',
            c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated,
            nullif(a.attcollation, 0)::regcollation)
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
            and {_OWN_CLASS}
    """,
    "index": f"""
        select format('%s valid %s', pg_get_indexdef(i.indexrelid), i.indisvalid)
        from pg_index i join pg_class c on c.oid = i.indrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OWN_CLASS}
    """,
    "constraint": f"""
        select format('%s %s %s valid %s', c.oid::regclass, k.conname,
            case k.contype when 'c' then {_PLAIN_CHECK} else pg_get_constraintdef(k.oid) end,
            k.convalidated)
        from pg_constraint k join pg_class c on c.oid = k.conrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OWN_CLASS}
    """,
    "trigger": f"""
        select format('%s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled)
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal and {_OWN_CLASS}
    """,
    "function": f"""
        select format('owner %s %s', p.proowner::regrole, pg_get_functiondef(p.oid))
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where p.prokind in ('f', 'p') and {_OWN_FUNCTION}
    """,
    "view": f"""
        select format('%s %s', c.oid::regclass, pg_get_viewdef(c.oid))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('v', 'm') and {_OWN_CLASS}
    """,
    "event trigger": """
        select format('%s %s %s enabled %s', evtname, evtevent, evtfoid::regprocedure, evtenabled)
        from pg_event_trigger
    """,
    "extension": "select extname::text from pg_extension",
    "grant": f"""
        select format('%s %s %s %s', c.oid::regclass, {_GRANTEE}, a.privilege_type, a.is_grantable)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        cross join lateral aclexplode(coalesce(c.relacl,
            acldefault(case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner)
        )) a where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and {_OWN_CLASS}
        union all
        select format('%s %s %s %s', p.oid::regprocedure, {_GRANTEE}, a.privilege_type,
            a.is_grantable)
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
        where {_OWN_FUNCTION}
        union all
        select format('schema %s %s %s %s', n.nspname, {_GRANTEE}, a.privilege_type,
            a.is_grantable)
        from pg_namespace n
        cross join lateral aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    """,
    "default grant": f"""
        select format('%s in %s on %s %s %s', f.defaclrole::regrole,
            nullif(f.defaclnamespace, 0)::regnamespace, f.defaclobjtype, {_GRANTEE},
            a.privilege_type)
        from pg_default_acl f cross join lateral aclexplode(f.defaclacl) a
    """,
}

# Roles that the objects of a database name; those of Postgres itself are on every server.
ROLES: Final = """
select distinct r.rolname::text from (
    select datdba from pg_database where datname = current_database()
    union select refobjid from pg_shdepend
        where refclassid = 'pg_authid'::regclass
        and dbid = (select oid from pg_database where datname = current_database())
    union select a.grantee from pg_database d cross join lateral aclexplode(d.datacl) a
        where d.datname = current_database()
) used (role) join pg_roles r on r.oid = used.role
where r.rolname !~ '^pg_' order by 1
"""

# Privileges on the database itself, which pg_dump leaves to whoever makes it.
DATABASE_GRANTS: Final = f"""
select {_GRANTEE}, a.privilege_type
from pg_database d
cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
where d.datname = current_database() and a.grantee <> d.datdba order by 1, 2
"""

DATABASE: Final = """
select pg_get_userbyid(d.datdba)::text, shobj_description(d.oid, 'pg_database'),
    coalesce((select to_json(s.setconfig) from pg_db_role_setting s
        where s.setdatabase = d.oid and s.setrole = 0), '[]'::json)
from pg_database d where d.datname = current_database()
"""
