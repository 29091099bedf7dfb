"""Compliance tags of the audit log's events, and how long each tag keeps an entry.

The periods are the platform's policy; what guided them:

- PCI DSS 4.0, 10.5.1: audit trails are kept for at least twelve months.
- CNIL recommendation on logging (2021-122): logs of ordinary access for six months to a year.
- GDPR, article 5(2): one must be able to demonstrate compliance, hence proof of what was done with
  personal data for the usual limitation period of three years.
"""

from enum import StrEnum
from typing import Final

from quant.vocabulary import AuditEvent


class Tag(StrEnum):
    """Why an entry is kept."""

    ACCESS = "access"  # ordinary use
    SECURITY = "security"  # authentication, credentials and their abuse
    PRIVACY = "privacy"  # processing of personal data
    ADMINISTRATION = "administration"  # what operators did


RETENTION_DAYS: Final[dict[Tag, int]] = {
    Tag.ACCESS: 180,
    Tag.SECURITY: 400,
    Tag.PRIVACY: 1096,
    Tag.ADMINISTRATION: 1096,
}

TAGS: Final[dict[AuditEvent, tuple[Tag, ...]]] = {
    AuditEvent.REGISTERED: (Tag.PRIVACY, Tag.SECURITY),
    AuditEvent.EMAIL_VERIFIED: (Tag.PRIVACY, Tag.SECURITY),
    AuditEvent.LOGIN_SUCCEEDED: (Tag.ACCESS, Tag.SECURITY),
    AuditEvent.LOGIN_FAILED: (Tag.SECURITY,),
    AuditEvent.TOKEN_REFRESHED: (Tag.ACCESS,),
    AuditEvent.REFRESH_TOKEN_REUSED: (Tag.SECURITY,),
    AuditEvent.LOGGED_OUT: (Tag.ACCESS,),
    AuditEvent.SESSION_REVOKED: (Tag.SECURITY,),
    AuditEvent.PASSWORD_CHANGED: (Tag.SECURITY,),
    AuditEvent.PASSWORD_RESET_REQUESTED: (Tag.SECURITY,),
    AuditEvent.PASSWORD_RESET: (Tag.SECURITY,),
    AuditEvent.API_TOKEN_CREATED: (Tag.SECURITY,),
    AuditEvent.API_TOKEN_REVOKED: (Tag.SECURITY,),
    AuditEvent.TIER_CHANGED: (Tag.ADMINISTRATION,),
    AuditEvent.ACCOUNT_DELETED: (Tag.ADMINISTRATION, Tag.PRIVACY),
    AuditEvent.WATCHLIST_CREATED: (Tag.ACCESS,),
    AuditEvent.WATCHLIST_CHANGED: (Tag.ACCESS,),
    AuditEvent.WATCHLIST_DELETED: (Tag.ACCESS,),
    AuditEvent.WEBHOOK_SECRET_ROTATED: (Tag.SECURITY,),
    AuditEvent.WEBHOOK_DISABLED: (Tag.ACCESS,),
    AuditEvent.DIGESTS_STOPPED: (Tag.ACCESS, Tag.PRIVACY),
    AuditEvent.LIMIT_EXCEEDED: (Tag.ACCESS,),
    AuditEvent.ADMIN_READ: (Tag.ADMINISTRATION, Tag.PRIVACY),
    AuditEvent.EXPORTED: (Tag.ACCESS, Tag.PRIVACY),
    AuditEvent.SIGNING_KEY_ROTATED: (Tag.ADMINISTRATION, Tag.SECURITY),
    AuditEvent.AUDIT_PURGED: (Tag.ADMINISTRATION,),
    AuditEvent.MODEL_PROMOTED: (Tag.ADMINISTRATION,),
    AuditEvent.MODEL_ROLLED_BACK: (Tag.ADMINISTRATION,),
    AuditEvent.MODEL_SWITCHED: (Tag.ADMINISTRATION,),
}
