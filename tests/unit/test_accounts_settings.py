import pytest

from quant.environment import SettingsError
from quant.settings import EmailSettings, PasswordSettings


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_cheap_hashes_are_for_local_use_only(monkeypatch, environment):
    monkeypatch.setenv("QUANT_PASSWORD_MEMORY_KIB", "1024")
    monkeypatch.setenv("QUANT_ENVIRONMENT", "local")
    assert PasswordSettings().memory_kib == 1024
    monkeypatch.setenv("QUANT_ENVIRONMENT", environment)
    with pytest.raises(SettingsError):
        PasswordSettings()


@pytest.mark.parametrize("url", ["quant.example", "ftp://quant.example", "https://a b", ""])
def test_links_of_mails_need_a_base(monkeypatch, url):
    monkeypatch.setenv("QUANT_EMAIL_SENDER", "no-reply@quant.example")
    monkeypatch.setenv("QUANT_PUBLIC_URL", url)
    with pytest.raises(SettingsError):
        EmailSettings()


def test_links_of_mails_are_https_but_locally(monkeypatch):
    monkeypatch.setenv("QUANT_EMAIL_SENDER", "no-reply@quant.example")
    monkeypatch.setenv("QUANT_PUBLIC_URL", "http://127.0.0.1:4566/local")
    monkeypatch.setenv("QUANT_ENVIRONMENT", "local")
    assert EmailSettings().public_url
    for environment in ("dev", "prod"):
        monkeypatch.setenv("QUANT_ENVIRONMENT", environment)
        with pytest.raises(SettingsError):
            EmailSettings()
