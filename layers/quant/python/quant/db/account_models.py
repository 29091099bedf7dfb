"""Typed models of accounts, sessions and tokens.

Secrets are kept as hashes only: a password as argon2id, every token as SHA-256 of its 256 random
bits, which needs no slow hash.
"""

import uuid
from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from quant.db.models import Base, vocabulary_column
from quant.tiers import TIERS
from quant.vocabulary import Role

_TIER_NAMES = ", ".join(f"'{name}'" for name in TIERS)


class Account(Base):
    """Somebody who may log in; ``email`` is normalised (``quant.accounts.emails``)."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(f"tier in ({_TIER_NAMES})", name="tier"),
        # What the deletion of abandoned registrations looks for.
        Index(
            "ix_accounts_unverified",
            "created_at",
            postgresql_where=text("email_verified_at is null"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    tier: Mapped[str] = mapped_column(server_default="free")
    role: Mapped[Role] = mapped_column(vocabulary_column(Role, "role"), server_default=Role.USER)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    email_verified_at: Mapped[datetime | None]
    password_changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]


class EmailVerification(Base):
    """A verification token that was mailed; valid once, until it expires.

    It carries the password of the registration it was mailed for, which becomes the account's:
    somebody else's registration of the same address must not decide the password that its owner's
    link activates.
    """

    __tablename__ = "email_verifications"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    password_hash: Mapped[str]
    expires_at: Mapped[datetime]


class PasswordReset(Base):
    """A token that was mailed to somebody who forgot a password; valid once, until it expires.

    One without an account was never mailed: it takes the time that one with an account takes, for
    which no foreign key may be looked up either.
    """

    __tablename__ = "password_resets"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    expires_at: Mapped[datetime]


class LoginSession(Base):
    """A login: the family of refresh tokens that descend from it. Its id is the ``sid`` claim."""

    __tablename__ = "login_sessions"
    __table_args__ = (
        # What the authorizer's revocation index is rebuilt from.
        Index(
            "ix_login_sessions_revoked_at",
            "revoked_at",
            postgresql_where=text("revoked_at is not null"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None]
    user_agent_hash: Mapped[str | None]
    network: Mapped[str | None]  # anonymised: /24 or /48


class RefreshToken(Base):
    """A refresh token of a session; used once, then replaced (RFC 9700, section 4.14.2)."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="CASCADE"), index=True
    )
    issued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiToken(Base):
    """A long-lived token of a machine, shown once when it is made."""

    __tablename__ = "api_tokens"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AttemptCounter(Base):
    """Attempts at something under one key, such as logins of an account or from a network.

    ``key`` names the kind and a digest of what is counted: no address is kept in clear.
    """

    __tablename__ = "attempt_counters"
    __table_args__ = (Index("ix_attempt_counters_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]
