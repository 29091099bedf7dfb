import socket

import pytest

import quant.settings
from quant.alerts import endpoints
from quant.alerts.endpoints import (
    ForbiddenEndpointError,
    check_url,
    parse_endpoint,
    resolve,
)
from quant.errors import InvalidInputError


@pytest.fixture
def environment(monkeypatch):
    def use(name):
        monkeypatch.setenv("QUANT_ENVIRONMENT", name)
        quant.settings.edge_settings.cache_clear()

    use("prod")
    yield use
    quant.settings.edge_settings.cache_clear()


@pytest.fixture
def addresses(monkeypatch):
    """What the name of every host stands for."""

    def stand_for(*found):
        def getaddrinfo(_host, port, **_options):
            return [(0, 0, 0, "", (address, port)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return stand_for


@pytest.mark.parametrize(
    ("url", "authority", "port", "target"),
    [
        ("https://hooks.example.org", "hooks.example.org", 443, "/"),
        ("https://Hooks.Example.org:8443/a?b=c", "hooks.example.org:8443", 8443, "/a?b=c"),
        ("https://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("https://1.1.1.1/", "1.1.1.1", 443, "/"),
        ("https://[2606:4700:4700::1111]:444/", "[2606:4700:4700::1111]:444", 444, "/"),
    ],
)
def test_a_url_may_be(environment, url, authority, port, target):
    endpoint = parse_endpoint(url)
    assert (endpoint.authority, endpoint.port, endpoint.target) == (authority, port, target)


FORBIDDEN = [
    "http://hooks.example.org",
    "ftp://hooks.example.org",
    "file:///etc/passwd",
    "gopher://hooks.example.org",
    "//hooks.example.org",
    "hooks.example.org",
    "https://",
    "https:///path",
    "https://localhost",
    "https://localhost.",
    "https://intranet",
    "https://user@hooks.example.org",
    "https://user:pass@hooks.example.org",
    "https://hooks.example.org#f",
    "https://hooks.example.org:0x1bb",
    "https://hooks.example.org:99999",
    "https://hooks.example.org\\@127.0.0.1",
    "https://hooks.example.org\r\nHost: x",
    "https://hooks.example.org/ x",
    "https://b\u00fccher.example",
    "https://127.0.0.1",
    "https://127.1",
    "https://0x7f.0.0.1",
    "https://2130706433",
    "https://0177.0.0.1",
    "https://0.0.0.0",
    "https://10.1.2.3",
    "https://172.16.0.1",
    "https://192.168.1.1",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1",
    "https://192.0.2.1",
    "https://198.18.0.1",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://255.255.255.255",
    "https://[::]",
    "https://[::1]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:8.8.8.8]",
    "https://[64:ff9b::a00:1]",
    "https://[2002:a00:1::]",
    "https://[2001:0:a00:1::]",
    "https://[fe80::1]",
    "https://[fe80::1%25eth0]",
    "https://[fd00:ec2::254]",
    "https://[ff02::1]",
    "https://[::1",
    "https://hooks.example.org/" + "a" * 2048,
]


@pytest.mark.parametrize("url", FORBIDDEN, ids=lambda url: ascii(url)[:50])
def test_a_url_may_not_be(environment, url):
    with pytest.raises(InvalidInputError) as caught:
        check_url(url)
    assert (caught.value.field, caught.value.code) == ("webhook_url", "forbidden_url")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_this_machine_is_for_the_local_environment_only(environment, name):
    urls = ["http://127.0.0.1:8000/hook", "http://localhost/hook", "https://[::1]/"]
    environment("local")
    for url in urls:
        check_url(url)
    environment(name)
    for url in urls:
        with pytest.raises(InvalidInputError):
            check_url(url)


def test_not_even_locally_does_plain_http_leave_the_machine(environment, addresses):
    environment("local")
    addresses("93.184.215.14")
    with pytest.raises(ForbiddenEndpointError):
        resolve(parse_endpoint("http://hooks.example.org"))
    with pytest.raises(InvalidInputError):
        check_url("http://1.1.1.1")


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.1"],
        ["93.184.215.14", "10.0.0.1"],
        ["::1"],
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_refused(environment, addresses, found):
    addresses(*found)
    with pytest.raises(ForbiddenEndpointError):
        resolve(parse_endpoint("https://hooks.example.org"))


def test_of_a_hosts_addresses_ipv4_is_taken(environment, addresses):
    addresses("2606:4700:4700::1111", "1.1.1.1")
    assert str(resolve(parse_endpoint("https://hooks.example.org"))) == "1.1.1.1"


def test_the_strictest_holds_where_no_environment_is_named(monkeypatch):
    monkeypatch.delenv("QUANT_ENVIRONMENT", raising=False)
    quant.settings.edge_settings.cache_clear()
    assert not endpoints._is_local()
    quant.settings.edge_settings.cache_clear()
