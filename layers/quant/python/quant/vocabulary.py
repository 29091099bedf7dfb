"""The closed vocabularies of the domain, as the disclosure forms use them.

Sources: STOCK Act (Pub. L. 112-105), Ethics in Government Act, 5 U.S.C. 13104-13105; the House
Clerk's and the Senate eFD's periodic transaction report (PTR) forms.
"""

from enum import StrEnum


class Chamber(StrEnum):
    """Chamber of Congress."""

    HOUSE = "house"
    SENATE = "senate"


class Party(StrEnum):
    """Party a member sits for."""

    DEMOCRAT = "democrat"
    REPUBLICAN = "republican"
    INDEPENDENT = "independent"
    LIBERTARIAN = "libertarian"


class Owner(StrEnum):
    """Who holds the asset, from the PTR's owner column."""

    SELF = "self"
    SPOUSE = "spouse"
    JOINT = "joint"
    DEPENDENT_CHILD = "dependent_child"


class Operation(StrEnum):
    """What was done, from the PTR's transaction type column.

    ``SALE`` is a sale whose form does not say full or partial.
    """

    PURCHASE = "purchase"
    SALE = "sale"
    SALE_FULL = "sale_full"
    SALE_PARTIAL = "sale_partial"
    EXCHANGE = "exchange"


class AssetType(StrEnum):
    """Kind of asset, from the PTR's asset type."""

    STOCK = "stock"
    STOCK_OPTION = "stock_option"
    CORPORATE_BOND = "corporate_bond"
    GOVERNMENT_SECURITY = "government_security"
    MUNICIPAL_SECURITY = "municipal_security"
    FUND = "fund"
    NON_PUBLIC_STOCK = "non_public_stock"
    CRYPTOCURRENCY = "cryptocurrency"
    OTHER = "other"


class FilingStatus(StrEnum):
    """What a House PTR says of a transaction line: new, or about a line filed before."""

    NEW = "new"
    AMENDED = "amended"
    DELETED = "deleted"


class OptionType(StrEnum):
    """The two kinds of an option."""

    CALL = "call"
    PUT = "put"


class DocumentOutcome(StrEnum):
    """What became of a raw document."""

    LOADED = "loaded"
    PAPER = "paper"  # a scan: recorded, and waiting for a review
    REJECTED = "rejected"  # cannot be read as a whole; nothing of it was taken


class LineOutcome(StrEnum):
    """What the settlement made of an official transaction line."""

    TRADE = "trade"
    REPEATED = "repeated"  # another filing's line is the trade
    SUPERSEDED = "superseded"  # a later filing's line amended or deleted it
    DELETION = "deletion"  # says that another line is void; no trade itself
    UNMATCHED_DELETION = "unmatched_deletion"  # the line it means cannot be told


class FilingSource(StrEnum):
    """Official system a filing was made in."""

    HOUSE_CLERK = "house_clerk"
    SENATE_EFD = "senate_efd"
    SYNTHETIC = "synthetic"


class AlertChannel(StrEnum):
    """How an alert reaches whoever watches."""

    WEBHOOK = "webhook"
    DIGEST = "digest"  # one mail a day


class DeliveryState(StrEnum):
    """What became of an alert."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # after the last attempt


class ExportFormat(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class ExportKind(StrEnum):
    """What an export job exports."""

    TRADES = "trades"  # a politician's
    ANALYSIS = "analysis"  # what the analytics say of a politician
    ALL_POLITICIANS = "all_politicians"
    RESEARCH_DATASET = "research_dataset"


class ExportState(StrEnum):
    """How far an export job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # after the last attempt
    EXPIRED = "expired"  # succeeded, and its file is deleted


class Verdict(StrEnum):
    """Whether a version of a model may become the champion by itself."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class ModelEventKind(StrEnum):
    """What can happen to the champion of a model."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    DISABLED = "disabled"
    ENABLED = "enabled"


class Role(StrEnum):
    """What an account may do beyond its tier."""

    USER = "user"
    ADMIN = "admin"


class AuditEvent(StrEnum):
    """What the audit log records."""

    REGISTERED = "registered"
    EMAIL_VERIFIED = "email_verified"
    LOGIN_SUCCEEDED = "login_succeeded"
    LOGIN_FAILED = "login_failed"
    TOKEN_REFRESHED = "token_refreshed"  # noqa: S105 - the name of an event, not a secret
    REFRESH_TOKEN_REUSED = "refresh_token_reused"  # noqa: S105 - likewise
    LOGGED_OUT = "logged_out"
    SESSION_REVOKED = "session_revoked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - likewise
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105 - likewise
    PASSWORD_RESET = "password_reset"  # noqa: S105 - likewise
    API_TOKEN_CREATED = "api_token_created"  # noqa: S105 - likewise
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105 - likewise
    TIER_CHANGED = "tier_changed"
    ACCOUNT_DELETED = "account_deleted"
    WATCHLIST_CREATED = "watchlist_created"
    WATCHLIST_CHANGED = "watchlist_changed"
    WATCHLIST_DELETED = "watchlist_deleted"
    WEBHOOK_SECRET_ROTATED = "webhook_secret_rotated"  # noqa: S105 - likewise
    WEBHOOK_DISABLED = "webhook_disabled"
    DIGESTS_STOPPED = "digests_stopped"
    LIMIT_EXCEEDED = "limit_exceeded"
    ADMIN_READ = "admin_read"
    EXPORTED = "exported"
    SIGNING_KEY_ROTATED = "signing_key_rotated"
    AUDIT_PURGED = "audit_purged"
    MODEL_PROMOTED = "model_promoted"
    MODEL_ROLLED_BACK = "model_rolled_back"
    MODEL_SWITCHED = "model_switched"


class Sector(StrEnum):
    """Sector of the Global Industry Classification Standard (MSCI and S&P, 2018 edition)."""

    COMMUNICATION_SERVICES = "Communication Services"
    CONSUMER_DISCRETIONARY = "Consumer Discretionary"
    CONSUMER_STAPLES = "Consumer Staples"
    ENERGY = "Energy"
    FINANCIALS = "Financials"
    HEALTH_CARE = "Health Care"
    INDUSTRIALS = "Industrials"
    INFORMATION_TECHNOLOGY = "Information Technology"
    MATERIALS = "Materials"
    REAL_ESTATE = "Real Estate"
    UTILITIES = "Utilities"
