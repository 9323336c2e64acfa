from collections.abc import Iterator

import pytest

from tests.crawler.forge import Forge


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    """One for all tests of a process; it runs one crawl at a time."""
    with Forge() as forge:
        yield forge
