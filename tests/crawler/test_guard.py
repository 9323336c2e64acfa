"""Which addresses may be connected to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from crawler.guard import CONTACT_MISSING, Guard, SettingError, written_address
from crawler.resolver import GuardedResolver

REFUSED = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::808:808", "100::1", "2001::1", "2001:0:7f00:1::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1", "198.17.0.1",
    "223.255.255.255", "2001:4860:4860::8888", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip
# one address in the notations that resolvers, browsers or libraries take for it
NOTATIONS = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "017700000001", "0x7f000001", "0x7f.1", "0177.0.0.1",
    "0x7F.0x0.0x0.0x1", "127.0.0.01", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[::1%25lo]", "0", "0.0.0.0",
]  # fmt: skip


def guard(**settings: str) -> Guard:
    return Guard.from_settings(Settings({f"BROADSHEET_{name}": value for name, value in settings.items()}))


def resolver(**settings: str) -> GuardedResolver:
    """Needs no reactor for what is an address already."""
    return GuardedResolver(None, 10, 1.0, guard(CONTACT="me@example.org", **settings))  # type: ignore[arg-type]


def outcome(looked_up: Any) -> Any:
    """What a lookup that needed no waiting came to."""
    found: list[Any] = []
    looked_up.addBoth(found.append)
    return found[0].value if isinstance(found[0], Failure) else found[0]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    reason = guard(CONTACT="me@example.org").refusal("some.host", address)
    assert reason
    assert "is refused" in reason
    assert "BROADSHEET_ALLOW_PRIVATE" in reason


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_need_a_contact(address: str) -> None:
    assert guard().refusal("example.org", address) == CONTACT_MISSING
    assert guard(CONTACT="me@example.org").refusal("example.org", address) is None


def test_a_network_can_be_allowed() -> None:
    allowing = guard(ALLOW_PRIVATE="127.0.0.0/8, 10.0.0.0/16, fd00::/8")
    for address in ("127.9.9.9", "10.0.1.1", "::ffff:10.0.1.1", "fd00::1"):
        assert allowing.refusal("h", address) is None
    for address in ("10.1.0.1", "169.254.169.254", "::1"):
        assert allowing.refusal("h", address)


@pytest.mark.parametrize("host", NOTATIONS)
def test_an_address_in_any_notation_is_known_for_what_it_is(host: str) -> None:
    plain = host.strip("[]").partition("%")[0]
    assert isinstance(outcome(resolver().addresses(plain)), DNSLookupError)
    assert guard(CONTACT="me@example.org").refusal_by_proxy(host)
    assert guard().needs_contact(f"http://{host}/") is False


@given(st.ip_addresses(v=4))
def test_every_notation_of_an_address_gets_the_same_answer(address: Any) -> None:
    number, parts = int(address), address.packed
    written = [
        str(number),
        f"0x{number:x}",
        f"0{number:o}",
        f"{parts[0]}.{number & 0xFFFFFF}",
        ".".join(f"{part:#x}" for part in parts),
    ]
    assert {written_address(one) for one in written} == {str(address)}
    refusals = {
        bool(guard(CONTACT="a@b.org").refusal("h", one)) for one in (str(address), f"::ffff:{address}", f"64:ff9b::{address}")
    }
    assert len(refusals) == 1


def test_names_that_are_no_addresses_are_left_to_the_resolver() -> None:
    for name in ("example.org", "1.2.3.4.5", "0x7g.1", "localhost", "٣.٣", "", "a" * 300, "256.256.256.256", "\0"):
        assert written_address(name) is None


def test_a_refusal_is_kept_for_whoever_asks_why_and_forgotten_when_it_holds_no_more() -> None:
    looking = resolver(HOSTS="inner.test=10.0.0.7")
    assert isinstance(outcome(looking.addresses("inner.test")), DNSLookupError)
    assert "private address 10.0.0.7" in looking.refusals["inner.test"]
    looking.trust_proxy("inner.test")
    assert outcome(looking.addresses("inner.test")) == ["10.0.0.7"]
    assert "inner.test" not in looking.refusals


def test_a_proxy_from_the_environment_may_be_local_and_lends_its_address_to_no_other_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:3128")
    looking = resolver(HOSTS="rebound.test=127.0.0.1")
    assert outcome(looking.addresses("127.0.0.1")) == ["127.0.0.1"]
    assert isinstance(outcome(looking.addresses("rebound.test")), DNSLookupError)
    # what is not sent to the proxy is looked at again on its connection, where no proxy counts
    assert guard().refusal("127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    "host", ["localhost", "api.localhost", "localhost.", "169.254.169.254", "[fd00:ec2::254]", "inner.test"]
)
def test_a_proxy_is_not_asked_for_this_machine_or_private_addresses(host: str) -> None:
    assert "is refused" in str(guard(CONTACT="me@example.org", HOSTS="inner.test=10.0.0.7").refusal_by_proxy(host))


def test_a_proxy_is_asked_for_everything_else_if_there_is_a_contact() -> None:
    for host in ("example.org", "mylocalhost.org", "8.8.8.8"):
        assert guard(CONTACT="me@example.org").refusal_by_proxy(host) is None
        assert guard().refusal_by_proxy(host) == CONTACT_MISSING
    assert guard(ALLOW_PRIVATE="127.0.0.0/8").refusal_by_proxy("localhost") is None


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
