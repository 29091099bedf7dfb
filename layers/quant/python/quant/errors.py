"""Errors of the domain; each says what a caller can do about it."""


class QuantError(Exception):
    """Base of the domain's errors."""


class NotFoundError(QuantError):
    """There is no such thing as was asked for."""


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
