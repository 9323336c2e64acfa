"""What each address last answered, and when: kept across runs, for revisits and for what is not to be fetched again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.capture import Capture
from archive.originals import Originals
from archive.validators import Validators

URL = "http://news.example/s.css"
DATE = datetime(2026, 11, 23, 12, 0, 0, 250, tzinfo=UTC)
STORED = Capture(
    url=URL,
    date=DATE,
    record_id="<urn:uuid:0b7d5b2e-6c4e-4e0e-9d0c-4b8a7a0a1f10>",
    record_type="response",
    filename="x.warc.gz",
    offset=7,
    length=70,
    status=200,
    digest="sha1:ABC",
)
LATER = DATE + timedelta(hours=30)


@pytest.fixture
def originals(tmp_path: Path) -> Originals:
    (tmp_path / "x.warc.gz").touch()
    return Originals(tmp_path / "originals.sqlite", tmp_path)


def test_a_visit_that_finds_the_same_is_the_last_sight_and_the_original_keeps_its_date(originals: Originals) -> None:
    assert originals.last_seen(URL) is None
    originals.add(STORED)
    assert originals.last_seen(URL) == DATE
    originals.add(replace(STORED, record_type="revisit", date=LATER))
    assert originals.last_seen(URL) == LATER
    found = originals.get(URL)
    assert found and found.date == DATE


@pytest.mark.parametrize("saved", [True, False])
def test_only_what_was_saved_is_known_to_the_next_run(originals: Originals, tmp_path: Path, saved: bool) -> None:
    originals.add(STORED)
    originals.commit(originals.take())
    originals.add(replace(STORED, record_type="revisit", date=LATER))
    if saved:
        originals.commit(originals.take())
    originals.close()
    assert Originals(tmp_path / "originals.sqlite", tmp_path).last_seen(URL) == (LATER if saved else DATE)


def test_what_was_added_while_saving_stays_to_be_saved(originals: Originals) -> None:
    originals.add(STORED)
    written = originals.take()
    newer = replace(STORED, date=LATER)
    originals.add(newer)
    originals.commit(written)
    assert [one.date for one in originals.take().originals.values()] == [LATER]


def test_nothing_is_known_of_a_file_that_is_gone(originals: Originals, tmp_path: Path) -> None:
    originals.add(STORED)
    (tmp_path / "x.warc.gz").unlink()
    assert originals.last_seen(URL) is None


TAG, OTHER = Validators('"a"', None), Validators('"b"', "Mon, 23 Nov 2026 11:00:00 GMT")


@pytest.mark.parametrize("saved", [False, True])
def test_validators_are_those_of_the_last_answer_that_said_the_same(originals: Originals, saved: bool) -> None:
    def commit() -> None:
        if saved:
            originals.commit(originals.take())

    assert originals.validators(URL) is None
    originals.add(replace(STORED, validators=TAG))
    commit()
    assert originals.validators(URL) == TAG
    originals.add(replace(STORED, record_type="revisit", status=304))  # it repeats none, and they hold
    commit()
    assert originals.validators(URL) == TAG
    originals.add(replace(STORED, record_type="revisit", validators=OTHER))
    commit()
    assert originals.validators(URL) == OTHER
    originals.add(replace(STORED, digest="sha1:DEF"))  # other bytes, and nothing to tell them by
    commit()
    assert originals.validators(URL) is None
    commit()


def test_nothing_is_asked_about_a_file_that_is_gone(originals: Originals, tmp_path: Path) -> None:
    originals.add(replace(STORED, validators=TAG))
    (tmp_path / "x.warc.gz").unlink()
    assert originals.validators(URL) is None


def test_a_file_from_before_there_were_validators_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz").touch()
    before = Originals(tmp_path / "originals.sqlite", tmp_path)
    before.add(STORED)
    before.commit(before.take())
    before._database.execute("DROP TABLE validators")
    before.close()
    after = Originals(tmp_path / "originals.sqlite", tmp_path)
    assert after.last_seen(URL) == DATE and after.validators(URL) is None
