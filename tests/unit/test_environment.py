from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

import pytest
from msgspec import Meta

from quant.environment import Fault, Settings, SettingsError, Variable
from quant.secrets import SecretStr
from quant.settings import Credentials, DatabaseSettings, SigningSettings


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Shop(Settings, prefix="SHOP_"):
    colour: Annotated[Colour, Variable("COLOUR")]
    port: Annotated[int, Meta(ge=1, le=65535)]
    name: Annotated[str, Meta(min_length=1)] | None = None
    wait_s: Annotated[float, Meta(gt=0)] = 2.0
    open: bool = True
    prices: dict[str, Annotated[str, Meta(min_length=1)]] = {}  # noqa: RUF012 - none changes it
    doors: frozenset[Annotated[str, Meta(pattern=r"^[a-z]+\Z")]] = frozenset()

    @classmethod
    def rules(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        if values.get("colour") is Colour.RED and values.get("open"):
            yield "open", "must be closed while red"


GOOD = {"COLOUR": "blue", "SHOP_PORT": "80"}


def faults(**variables):
    with pytest.raises(SettingsError) as caught:
        Shop.of({**GOOD, **variables})
    for value in variables.values():
        assert not value or value not in str(caught.value)
    return {fault.variable: fault for fault in caught.value.faults}


def test_values_have_the_types_of_their_fields():
    assert vars(Shop.of(GOOD)) == {
        "colour": Colour.BLUE,
        "port": 80,
        "name": None,
        "wait_s": 2.0,
        "open": True,
        "prices": {},
        "doors": frozenset(),
    }
    shop = Shop.of(
        {
            **GOOD,
            "SHOP_NAME": "null",
            "SHOP_WAIT_S": "0.5",
            "SHOP_OPEN": "Off",
            "SHOP_PRICES": '{"tea": "2"}',
            "SHOP_DOORS": '["front", "back"]',
            "SHOP_UNKNOWN": "x",
        }
    )
    assert (shop.name, shop.wait_s, shop.open) == ("null", 0.5, False)
    assert (shop.prices, shop.doors) == ({"tea": "2"}, frozenset({"front", "back"}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COLOUR", "ultraviolet"),
        ("COLOUR", ""),
        ("SHOP_PORT", "0"),
        ("SHOP_PORT", "65536"),
        ("SHOP_PORT", "eighty"),
        ("SHOP_PORT", ""),
        ("SHOP_NAME", ""),
        ("SHOP_WAIT_S", "-3"),
        ("SHOP_WAIT_S", "nan"),
        ("SHOP_WAIT_S", "soon"),
        ("SHOP_OPEN", "perhaps"),
        ("SHOP_OPEN", ""),
        ("SHOP_PRICES", "{"),
        ("SHOP_PRICES", '["tea"]'),
        ("SHOP_PRICES", '{"tea": ""}'),
        ("SHOP_DOORS", '["FRONT"]'),
        ("SHOP_DOORS", '["front\\n"]'),
        ("SHOP_DOORS", "front"),
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not_shown(variable, value):
    [fault] = faults(**{variable: value}).values()
    assert (fault.variable, fault.missing) == (variable, False)


def test_every_wrong_variable_is_named_at_once():
    with pytest.raises(SettingsError) as caught:
        Shop.of({"COLOUR": "red", "SHOP_WAIT_S": "-1"})
    assert set(caught.value.faults) == {
        Fault("SHOP_PORT", "is missing", missing=True),
        Fault("SHOP_WAIT_S", "Expected `float` > 0.0"),
        Fault("SHOP_OPEN", "must be closed while red"),
    }
    assert str(caught.value).startswith("Shop: SHOP_PORT: is missing; SHOP_WAIT_S: ")


def test_what_is_given_is_not_read(monkeypatch):
    monkeypatch.setenv("COLOUR", "blue")
    monkeypatch.setenv("SHOP_PORT", "none of them")
    shop = Shop(port=8080, doors=["front"])
    assert (shop.port, shop.colour, shop.doors) == (8080, Colour.BLUE, frozenset({"front"}))
    with pytest.raises(SettingsError, match="SHOP_PORT"):
        Shop(port="8080")
    with pytest.raises(TypeError, match="has no size"):
        Shop(size=1)


def test_settings_do_not_change_but_are_replaced():
    shop = Shop.of(GOOD)
    with pytest.raises(AttributeError):
        shop.port = 81
    other = shop.replace(port=81)
    assert (shop.port, other.port, other.colour) == (80, 81, Colour.BLUE)
    with pytest.raises(SettingsError, match="SHOP_PORT"):
        shop.replace(port=0)


def test_a_subclass_has_the_fields_of_its_base_under_its_own_names():
    class Branch(Shop, prefix="BRANCH_"):
        name: Annotated[str, Variable("NAME_OF_BRANCH")]

    assert Branch.variables() | {"colour": ""} == {
        name: f"BRANCH_{name}".upper() for name in Shop.variables()
    } | {"colour": "", "name": "NAME_OF_BRANCH"}
    assert Shop.variables()["port"] == "SHOP_PORT"


def test_signing_settings_of_others_do_not_read_this_process(monkeypatch):
    monkeypatch.setenv("QUANT_TOKEN_AUDIENCE", "mine")
    theirs = {
        "QUANT_TOKEN_ISSUER": "https://auth.example.org",
        "QUANT_TOKEN_JWKS_SECRET_ARN": "jwks",
        "QUANT_TOKEN_SIGNING_KEY_SECRET_ARN": "signing",
    }
    with pytest.raises(SettingsError, match="QUANT_TOKEN_AUDIENCE: is missing"):
        SigningSettings.of(theirs)
    settings = SigningSettings.of({**theirs, "QUANT_TOKEN_AUDIENCE": "theirs"})
    assert (settings.audience, settings.lifetime_s) == ("theirs", 1800)


@pytest.mark.parametrize(
    ("auth", "needed"),
    [("password", "QUANT_DATABASE_SECRET_ARN"), ("iam", "QUANT_DATABASE_USER")],
)
def test_what_a_login_takes_is_missed_beside_what_else_is_wrong(auth, needed):
    with pytest.raises(SettingsError) as caught:
        DatabaseSettings.of({"QUANT_ENVIRONMENT": "prod", "QUANT_DATABASE_AUTH": auth})
    missing = {fault.variable for fault in caught.value.faults if fault.missing}
    assert missing == {"QUANT_DATABASE_HOST", "QUANT_DATABASE_PORT", needed}


def test_credentials_hide_their_password():
    credentials = Credentials.from_json('{"username": "app", "password": "hunter2", "engine": "x"}')
    assert credentials.password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{credentials} {credentials.password} {credentials.password!r}"
    assert "hunter2" not in repr(SecretStr("hunter2"))


@pytest.mark.parametrize(
    "secret",
    [
        "hunter2",
        '{"password": "hunter2"}',
        '{"username": "app"}',
        '{"username": "", "password": "hunter2"}',
        '{"username": "app", "password": ["hunter2"]}',
    ],
)
def test_a_secret_without_credentials_is_refused_and_not_shown(secret):
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        Credentials.from_json(secret)
    assert "hunter2" not in str(caught.value)
