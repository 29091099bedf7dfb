"""What holds for the query parameters of every route."""

from fastapi import Request
from fastapi.exceptions import RequestValidationError


async def refuse_repeated_parameters(request: Request) -> None:
    """Refuse a query parameter that is given twice: no route takes several values of one.

    Taking the last, as parsers do, would answer a question the client may not have meant.

    Raises:
        RequestValidationError: A name occurs more than once.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise RequestValidationError(
            [
                {"loc": ("query", name), "msg": "must be given only once", "type": "repeated"}
                for name in repeated
            ]
        )
