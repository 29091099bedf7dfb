"""Entries of the audit log before they are appended."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from quant.audit.retention import TAGS
from quant.origin import Origin
from quant.vocabulary import AuditEvent

# Longer than any identifier of ours; a client must not fill the log with one request.
MAX_TEXT_LENGTH: Final = 512
MAX_DETAILS_LENGTH: Final = 8192

# Details under these names are never kept, whatever a caller passes.
SECRET_NAMES: Final = frozenset(
    {"password", "new_password", "token", "access_token", "refresh_token", "api_token", "secret"}
)
REDACTED: Final = "[redacted]"


def _storable(text: str) -> str:
    # Postgres stores neither NUL nor surrogates, and clients choose some of these texts.
    text = text[:MAX_TEXT_LENGTH].replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode()


def _optional(text: str | None) -> str | None:
    return None if text is None else _storable(text)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, Mapping):
        return {
            _storable(str(name)): REDACTED if str(name).lower() in SECRET_NAMES else _clean(part)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _storable(str(value))


def _details_text(details: Mapping[str, Any] | None) -> str:
    text = json.dumps(
        _clean(details or {}), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    if len(text) > MAX_DETAILS_LENGTH:
        return '{"truncated":true}'
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be appended; ``details`` is the JSON text that is hashed and stored.

    Attributes:
        entry_id: Appending an entry with the same id again changes nothing.
        occurred_at: When it happened, with time zone.
        event: What happened.
        actor: Account that did it, if known.
        target: Identifier of what it was done to.
        request_id: Request it happened in.
        user_agent_hash: See ``quant.origin``.
        network: Anonymised, see ``quant.origin``.
        tags: Compliance tags.
        details: A JSON object.
    """

    entry_id: uuid.UUID
    occurred_at: datetime
    event: AuditEvent
    actor: uuid.UUID | None
    target: str | None
    request_id: str | None
    user_agent_hash: str | None
    network: str | None
    tags: tuple[str, ...]
    details: str

    @classmethod
    def of(
        cls,
        event: AuditEvent,
        *,
        actor: uuid.UUID | None,
        target: str | None,
        origin: Origin,
        details: Mapping[str, Any] | None,
    ) -> Self:
        """Return the entry of something that happens now."""
        return cls(
            entry_id=uuid.uuid4(),
            occurred_at=datetime.now(UTC),
            event=event,
            actor=actor,
            target=_optional(target),
            request_id=_optional(origin.request_id),
            user_agent_hash=_optional(origin.user_agent_hash),
            network=_optional(origin.network),
            tags=tuple(TAGS[event]),
            details=_details_text(details),
        )

    def to_json(self) -> str:
        """Return the entry as a queue carries it."""
        return json.dumps(asdict(self), default=str, ensure_ascii=False)

    @classmethod
    def from_json(cls, message: str) -> Self:
        """Return the entry a queue carried.

        Raises:
            ValueError: The message is no entry.
        """
        try:
            fields = json.loads(message)
            occurred_at = datetime.fromisoformat(fields["occurred_at"])
            if occurred_at.tzinfo is None or not isinstance(json.loads(fields["details"]), dict):
                msg = "not a message of the audit queue"
                raise ValueError(msg)
            return cls(
                entry_id=uuid.UUID(fields["entry_id"]),
                occurred_at=occurred_at,
                event=AuditEvent(fields["event"]),
                actor=uuid.UUID(fields["actor"]) if fields["actor"] else None,
                target=fields["target"],
                request_id=fields["request_id"],
                user_agent_hash=fields["user_agent_hash"],
                network=fields["network"],
                tags=tuple(fields["tags"]),
                details=fields["details"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            msg = "not a message of the audit queue"
            raise ValueError(msg) from error
