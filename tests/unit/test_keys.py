import json

import pytest

from quant.keys import NoSigningKeyError, current_signing_key, ensure_keys


class Vault:
    def __init__(self):
        self.values = {"signing": '{"keys": []}', "jwks": '{"keys": []}'}
        self.writes = []

    def read(self, name):
        return self.values[name]

    def write(self, name, value):
        self.values[name] = value
        self.writes.append(name)

    def ensure(self):
        return ensure_keys("signing", "jwks", read=self.read, write=self.write)


def test_first_run_makes_a_key_and_publishes_it_first():
    vault = Vault()
    kid = vault.ensure()
    assert vault.writes == ["jwks", "signing"]
    assert current_signing_key("signing", vault.read).kid == kid
    assert [key["kid"] for key in json.loads(vault.values["jwks"])["keys"]] == [kid]


def test_second_run_changes_nothing():
    vault = Vault()
    kid = vault.ensure()
    vault.writes.clear()
    assert vault.ensure() == kid
    assert vault.writes == []


def test_lost_public_set_is_published_again():
    vault = Vault()
    kid = vault.ensure()
    vault.values["jwks"] = '{"keys": []}'
    assert vault.ensure() == kid
    assert [key["kid"] for key in json.loads(vault.values["jwks"])["keys"]] == [kid]


def test_public_set_holds_nothing_private():
    vault = Vault()
    vault.ensure()
    (key,) = json.loads(vault.values["jwks"])["keys"]
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_no_key_is_a_clear_error():
    with pytest.raises(NoSigningKeyError):
        current_signing_key("signing", Vault().read)
