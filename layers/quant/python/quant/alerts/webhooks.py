"""Post a webhook: to the address that was checked, within one deadline, following nothing."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import httpx

from quant import __version__
from quant.alerts.endpoints import ForbiddenEndpointError, parse_endpoint, resolve
from quant.alerts.signing import signed_headers
from quant.pipeline.messages import WebhookRequest

# What Standard Webhooks advises, from looking the name up to the answer's status.
DEADLINE_S: Final = 20.0
USER_AGENT: Final = f"quant-webhooks/{__version__}"


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went.

    Attributes:
        status: HTTP status; ``None`` where there was no answer.
        detail: Why it is not delivered; empty where it is.
    """

    status: int | None
    detail: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


def post_all(requests: Iterable[WebhookRequest]) -> list[Answer]:
    """Post webhooks at the same time, so that a slow receiver delays no other."""

    async def together() -> list[Answer]:
        return await asyncio.gather(*map(post, requests))

    return asyncio.run(together())


async def post(request: WebhookRequest) -> Answer:
    """Post a webhook once, signed with the present time."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            status = await _post(request)
    except TimeoutError:
        return Answer(None, f"no answer within {DEADLINE_S:g} s")
    except ForbiddenEndpointError as error:
        return Answer(None, f"the webhook's URL {error}")
    except (OSError, UnicodeError):
        return Answer(None, "the host has no address")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Answer(None, f"no answer: {type(error).__name__}")
    answer = Answer(status)
    return answer if answer.delivered else Answer(status, f"answered {status}")


async def _post(request: WebhookRequest) -> int:
    endpoint = parse_endpoint(request.url)
    address = await asyncio.to_thread(resolve, endpoint)
    body = request.body.encode()
    headers = {
        "Content-Type": "application/json",
        "Host": endpoint.authority,
        "User-Agent": USER_AGENT,
        **signed_headers(
            str(request.delivery_id),
            int(time.time()),
            body,
            watchlist_id=request.watchlist_id,
            generations=request.generations,
        ),
    }
    host = f"[{address}]" if address.version == 6 else str(address)
    async with (
        # No proxies of the environment: the address must be the one that was checked.
        httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client,
        client.stream(
            "POST",
            f"{endpoint.scheme}://{host}:{endpoint.port}{endpoint.target}",
            content=body,
            headers=headers,
            # TLS still names, and checks the certificate of, the host that was asked for.
            extensions={"sni_hostname": endpoint.host},
        ) as answer,
    ):
        # Its body is not read: there is nothing in it for us, and it may have no end.
        return answer.status_code
