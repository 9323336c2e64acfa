"""A site can tell who crawls it, and reach them."""

from pathlib import Path

import pytest
from scrapy.settings import Settings

from archive.reader import read_records
from crawler.addon import Broadsheet, contact
from crawler.guard import SettingError
from tests.crawler.test_requisites import page, reply
from tests.crawling import crawl
from tests.wire.server import RawServer


def test_requests_and_the_archive_name_contact_operator_and_purpose(tmp_path: Path) -> None:
    with RawServer({"/": reply(page(""))}) as server:
        who = {"CONTACT": "desk@example.org", "OPERATOR": "Harbour Library", "PURPOSE": "a study of ferries"}
        outcome = crawl(tmp_path / "c", {f"BROADSHEET_{name}": value for name, value in who.items()}, urls=server.url("/"))
    assert outcome.code == 0
    for seen in server.seen:
        assert b"\r\nFrom: desk@example.org\r\n" in seen.received
        assert b"(+desk@example.org)\r\n" in seen.received
    (path,) = (tmp_path / "c" / "archive").glob("*.warc.gz")
    info = next(iter(read_records(path))).block
    for line in (
        b"operator: Harbour Library",
        b"description: purpose: a study of ferries",
        b"http-header-from: desk@example.org",
    ):
        assert line in info


def settings(**given: str) -> Settings:
    made = Settings({f"BROADSHEET_{name}": value for name, value in given.items()})
    Broadsheet().update_settings(made)
    return made


def test_a_web_page_goes_into_the_user_agent_alone() -> None:
    made = settings(CONTACT="https://example.org/bot")
    assert made["USER_AGENT"].endswith("(+https://example.org/bot)")
    assert "From" not in made["DEFAULT_REQUEST_HEADERS"]


@pytest.mark.parametrize(
    "odd",
    ["me", "me@example", "a@b.org\r\nX-Injected: 1", "example.org", "mailto:a@b.org", "https://a.org/ (x)", "a@b.org, c@d.org"],
)
def test_a_contact_that_reaches_nobody_is_refused_with_the_mend(odd: str) -> None:
    with pytest.raises(SettingError, match=r"neither a mail address nor a web page, e\.g\. you@example\.org"):
        contact(Settings({"BROADSHEET_CONTACT": odd}))


def test_the_crawl_command_says_so_in_one_line(tmp_path: Path) -> None:
    outcome = crawl(tmp_path / "c", {"BROADSHEET_CONTACT": "nobody"}, sites="http://127.0.0.1:9/")
    assert outcome.code == 2
    assert "BROADSHEET_CONTACT: 'nobody' is neither" in outcome.err
    assert "Traceback" not in outcome.err


def test_nothing_that_runs_code_for_others_is_on() -> None:
    made = settings()
    assert (made.getbool("TELNETCONSOLE_ENABLED"), made.getbool("REMOTE_CONTROL_ENABLED")) == (False, False)
