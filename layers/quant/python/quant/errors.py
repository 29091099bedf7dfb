"""Errors of the domain; each says what a caller can do about it."""


class QuantError(Exception):
    """Base of the domain's errors."""


class NotFoundError(QuantError):
    """There is no such thing as was asked for."""


class ConflictError(QuantError):
    """What was asked for clashes with the present state."""


class UnauthorizedError(QuantError):
    """The caller did not prove who it is."""


class ForbiddenError(QuantError):
    """The caller is known, and may not do this."""


class InvalidInputError(QuantError):
    """A field's value is of the right form, but not acceptable.

    Attributes:
        field: Name of the field.
        code: Stable name of the rule broken.
    """

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class TooManyAttemptsError(QuantError):
    """There were too many attempts; the next is accepted after a while.

    Attributes:
        retry_after_s: Seconds to wait, rounded up.
    """

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many attempts; try again later")
        self.retry_after_s = retry_after_s


class InvalidCursorError(QuantError):
    """A pagination cursor was not issued by this API, or for another query."""


class StoreUnavailableError(QuantError):
    """A data store cannot be reached or does not answer; trying again later may help.

    Attributes:
        store: Name of the store, as in the route table.
    """

    def __init__(self, store: str) -> None:
        super().__init__(f"{store} is unavailable")
        self.store = store
