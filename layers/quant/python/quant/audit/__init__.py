"""The audit log: who did what, from where, in a chain that shows every later change.

``record`` appends in the caller's transaction, ``record_or_queue`` in one of its own; docs/audit.md
has the design.
"""

from quant.audit.log import record, record_or_queue

__all__ = ["record", "record_or_queue"]
