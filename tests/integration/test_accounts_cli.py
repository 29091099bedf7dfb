import pytest
from account_support import account_service, new_password
from typer.testing import CliRunner

from quant.cli import app


@pytest.fixture(scope="module")
def accounts(api, database):
    with account_service(api, database) as service:
        yield service


def create(email, password, *options):
    return CliRunner().invoke(
        app, ["account", "create", "--email", email, *options], input=f"{password}\n"
    )


def test_an_operator_makes_an_administrator(accounts):
    email, password = accounts.email(), new_password()
    result = create(email, password, "--tier", "premium", "--admin")
    assert result.exit_code == 0, result.output
    assert password not in result.output
    login = accounts.login(email, password)
    claims = accounts.claims(login.json["access_token"])
    assert (claims["scope"], claims["tier"]) == ("read account admin", "premium")
    outcome = {"outcome": "created by an operator", "tier": "premium", "role": "admin"}
    assert accounts.audited(claims["sub"]) == [("registered", outcome)]


@pytest.mark.parametrize(
    ("password", "options"),
    [("short", []), pytest.param(new_password(), ["--tier", "gold"], id="tier")],
)
def test_what_is_refused_makes_no_account(accounts, password, options):
    email = accounts.email()
    assert create(email, password, *options).exit_code != 0
    assert accounts.sql("select count(*) from accounts where email = :email", email=email) == [(0,)]


def test_an_address_has_one_account(accounts):
    person = accounts.person()
    assert create(person.email, new_password(), "--admin").exit_code == 1
    assert accounts.sign_in(person).claims["scope"] == "read account"
