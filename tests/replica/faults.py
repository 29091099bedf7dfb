"""Ways in which a site fails."""

from dataclasses import dataclass, field


@dataclass
class Fault:
    """What the replica answers instead, to paths that begin with ``path``.

    Attributes:
        path: Beginning of the paths.
        status: HTTP status.
        headers: Further headers.
        body: Body ...
        encoding: ... and how its text becomes bytes.
        drip_s: Seconds before each byte of the body.
        truncated: The connection ends before the body does.
        endless: The body does not end.
        times: How many requests it is for; None for all.
    """

    path: str = "/"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    drip_s: float = 0.0
    truncated: bool = False
    endless: bool = False
    times: int | None = None
    encoding: str = "utf-8"

    def matches(self, path: str) -> bool:
        return path.startswith(self.path) and self.times != 0

    def use(self) -> None:
        if self.times is not None:
            self.times -= 1


ERROR_PAGE = "<!DOCTYPE html><html><body><h1>Something went wrong</h1></body></html>"


def refused(path: str = "/", **more: object) -> Fault:
    """403, as a firewall in front of a site answers."""
    return Fault(path, 403, {"Content-Type": "text/html"}, "<h1>Access Denied</h1>", **more)


def throttled(path: str = "/", retry_after: str | None = None, **more: object) -> Fault:
    """429, with ``Retry-After`` if given."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return Fault(path, 429, headers, "Too Many Requests", **more)


def broken(path: str = "/", status: int = 500, **more: object) -> Fault:
    """A server error."""
    return Fault(path, status, {"Content-Type": "text/html"}, ERROR_PAGE, **more)


def page(path: str = "/", body: str = ERROR_PAGE, **more: object) -> Fault:
    """A page with status 200 that is not what was asked for."""
    return Fault(path, 200, {"Content-Type": "text/html; charset=utf-8"}, body, **more)


def elsewhere(path: str = "/", **more: object) -> Fault:
    """A redirect to another host."""
    return Fault(path, 302, {"Location": "https://elsewhere.invalid/"}, "", **more)
