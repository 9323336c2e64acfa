"""Which addresses may be connected to."""

import pytest
from scrapy.settings import Settings

from crawler.guard import CONTACT_MISSING, Guard, SettingError


def guard(**settings: str) -> Guard:
    return Guard.from_settings(Settings({f"BROADSHEET_{name}": value for name, value in settings.items()}))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    reason = guard(CONTACT="me@example.org").refusal("some.host", address)
    assert reason and "is refused" in reason and "BROADSHEET_ALLOW_PRIVATE" in reason


def test_a_network_can_be_allowed() -> None:
    allowing = guard(ALLOW_PRIVATE="127.0.0.0/8, 10.0.0.0/16")
    assert allowing.refusal("h", "127.9.9.9") is None
    assert allowing.refusal("h", "10.0.1.1") is None
    assert allowing.refusal("h", "10.1.0.1")


def test_public_addresses_need_a_contact() -> None:
    assert guard().refusal("example.org", "93.184.215.14") == CONTACT_MISSING
    assert guard(CONTACT="me@example.org").refusal("example.org", "93.184.215.14") is None


def test_a_proxy_from_the_environment_may_be_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    assert guard().refusal("127.0.0.1", "127.0.0.1") is None
    assert guard().refusal("127.0.0.2", "127.0.0.2")


def test_names_can_have_fixed_addresses() -> None:
    mapped = guard(HOSTS="*.test=127.0.0.1,one.example=127.0.0.2")
    assert mapped.fixed_address("www.courier.test") == "127.0.0.1"
    assert mapped.fixed_address("one.example") == "127.0.0.2"
    assert mapped.fixed_address("two.example") is None
    assert not mapped.needs_contact("http://www.courier.test/")
    assert mapped.needs_contact("http://two.example/")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ALLOW_PRIVATE": "localhost"}, "BROADSHEET_ALLOW_PRIVATE: 'localhost' is no network"),
        ({"HOSTS": "a.test"}, "BROADSHEET_HOSTS: 'a.test' is not of the form NAME=ADDRESS"),
    ],
)
def test_settings_that_cannot_be_understood_are_named(settings: dict[str, str], words: str) -> None:
    with pytest.raises(SettingError, match=words.replace("*", r"\*")):
        guard(**settings)
