"""Certificates that are not verified: of hosts that the user names, and of no others."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from scrapy.core.downloader.contextfactory import _ScrapyClientContextFactory

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class UnverifiedHosts(_ScrapyClientContextFactory):
    """A TLS policy that asks hosts named by ``BROADSHEET_TLS_UNVERIFIED`` for no valid certificate; else the usual one."""

    _names: tuple[str, ...] = ()
    _usual: Any = None

    @classmethod
    def beside(cls, crawler: Crawler, usual: Any, names: Iterable[str]) -> UnverifiedHosts:
        """The policy for hosts whose name is one of ``names``, which may be shell patterns."""
        made = cls.from_crawler(crawler)
        made._verify_certificates = False
        made._names, made._usual = tuple(name.strip().lower() for name in names), usual
        return made

    def is_for(self, host: str) -> bool:
        """Whether a host's certificate is taken as it is."""
        return any(fnmatch(host.lower(), name) for name in self._names)

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802  (Twisted's name)
        """What makes connections to a host."""
        if self.is_for(hostname.decode("ascii")):
            return super().creatorForNetloc(hostname, port)
        return self._usual.creatorForNetloc(hostname, port)
