"""E-mail addresses in the one form that tells accounts apart.

- The domain becomes lower case in A-label form (IDNA 2008 with the mapping of UTS 46).
- The local part must be an ASCII dot-atom (RFC 5322, section 3.2.3) and becomes lower case. SES
  delivers to no other (it has no SMTPUTF8), and so no Unicode folding can ever make two people's
  mailboxes one account.
- Nothing else is folded: dots and plus-suffixes mean something to some providers.

Mail goes to the normalised address only, never to the spelling of a request, so that whoever gets
the mail is whoever the account belongs to.
"""

import re
from typing import Final

from quant.accounts.lengths import MAX_EMAIL
from quant.errors import InvalidInputError
from quant.snapstart import before_snapshot

# RFC 5321, section 4.5.3.1.
MAX_LOCAL_LENGTH: Final = 64

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*")


def _import_tables() -> None:
    import idna  # noqa: F401, PLC0415


before_snapshot(_import_tables)


def normalise(address: str) -> str:
    """Return the normalised form of an e-mail address.

    Raises:
        InvalidInputError: It is no address that mail can be sent to.
    """
    # Imported here: its tables cost 30 ms, and only some functions of this package need them.
    import idna  # noqa: PLC0415

    local, _, domain = address.strip().rpartition("@")
    # Checked before IDNA, whose work grows faster than its input.
    if len(address) > MAX_EMAIL or len(local) > MAX_LOCAL_LENGTH or not _LOCAL.fullmatch(local):
        raise _invalid()
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError):
        raise _invalid() from None
    labels = ascii_domain.split(".")
    normalised = f"{local.lower()}@{ascii_domain}"
    # A name with a top level that is not a number: no localhost, no IP address.
    if len(labels) < 2 or not all(labels) or labels[-1].isdigit() or len(normalised) > MAX_EMAIL:
        raise _invalid()
    return normalised


def _invalid() -> InvalidInputError:
    return InvalidInputError("email", "invalid_email", "not a valid e-mail address")
