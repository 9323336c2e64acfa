"""What a page says of its use: licence, price, and the robots, TDM and AI statements of its header fields and meta elements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from archive.rights import AGENT, Rights, of_fields
from pipelines.article import Article
from pipelines.evidence import Evidence
from pipelines.jsonld import Node, string

First = Callable[[str, Iterable[tuple[str, str | None]]], str | None]

_NO = {"false", "no", "0", "http://schema.org/false", "https://schema.org/false"}
_LICENSE_METAS = ("dcterms.license", "dc.rights.license", "citation_license")
# Link: <https://…>; rel="license" (RFC 8288)
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s,;=]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s,;\"]*))?)*)")
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";]*)", re.IGNORECASE)
_DEED = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?|nc-sa|sa)|publicdomain/(zero|mark))/(\d\.\d)", re.IGNORECASE
)
_SPOKEN = re.compile(r"\bCC[ -](BY(?:-NC)?(?:-ND|-SA)?|0)[ -](\d\.\d)\b", re.IGNORECASE)


def statements(evidence: Evidence, headers: Mapping[str, str], url: str) -> Rights:
    """What header fields and meta elements say together; a meta element's TDM reservation goes before that of a header."""
    rights = of_fields(headers, url)
    for name in ("robots", AGENT):
        for value in evidence.metas.get(name, []):
            rights.add_robots(f"meta:{name}", value)
    if reservation := evidence.meta("tdm-reservation"):
        policy = evidence.meta("tdm-policy")
        rights.set_tdm("meta:tdm-reservation", reservation[1], policy and policy[1], url)
    return rights


def fill(article: Article, evidence: Evidence, node: Node, headers: Mapping[str, str], first: First) -> None:
    """Decide the fields of an article that tell of its use. ``node`` is its JSON-LD object; ``first`` takes the first usable of
    some candidates for a field, and notes where it came from."""
    article.is_accessible_for_free, article.paywall_evidence = _free(evidence, node)
    said = [(f"meta:{name}", value) for name in ("robots", AGENT) for value in evidence.metas.get(name, [])]
    said += [("header:x-robots-tag", line) for line in headers.get("x-robots-tag", "").splitlines()]
    sources = ", ".join(dict.fromkeys(source for source, _ in said))
    article.meta_robots = first("meta_robots", [(sources, ", ".join(value for _, value in said))])
    article.license = first("license", _licenses(evidence, node, headers))
    article.license_spdx = spdx(article.license)
    article.copyright_holder = first("copyright_holder", [("jsonld:copyrightHolder", string(node.get("copyrightHolder")))])


def _licenses(evidence: Evidence, node: Node, headers: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    claimed = node.get("license")
    address = claimed.get("url") or claimed.get("@id") if isinstance(claimed, dict) else None
    yield "jsonld:license", address if isinstance(address, str) else string(claimed)
    yield "rel:license", evidence.license
    for link in _LINK.finditer(headers.get("link", "")[:4_000]):
        relation = _REL.search(link[2])
        yield "header:link", link[1] if relation and "license" in relation[1].lower().split() else None
    for name in _LICENSE_METAS:
        yield f"meta:{name}", next(iter(evidence.metas.get(name, [])), None)


def spdx(license: str | None) -> str | None:
    """The SPDX identifier of a Creative Commons licence, from its address or its usual name; None for others and for none."""
    if found := _DEED.search(license or ""):
        name = found[1] or {"zero": "0", "mark": "PDM"}[found[2].lower()]
        return (f"CC{name}-{found[3]}" if name == "0" else f"CC-{name}-{found[3]}").upper()
    if found := _SPOKEN.search(license or ""):
        return ("CC0-" if found[1] == "0" else f"CC-{found[1]}-").upper() + found[2]
    return None


def _free(evidence: Evidence, node: Node) -> tuple[bool | None, str | None]:
    parts = node.get("hasPart")
    claims = [node, *(part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict))]
    values = {str(claim["isAccessibleForFree"]).strip().lower() for claim in claims if "isAccessibleForFree" in claim}
    if values & _NO:
        return False, "jsonld"
    tier = evidence.meta("article:content_tier", "og:article:content_tier")
    if tier and tier[1].lower() in ("locked", "metered"):
        return False, "meta"
    if values:
        return True, "jsonld"
    if tier and tier[1].lower() == "free":
        return True, "meta"
    return (False, "selector") if evidence.paywalled else (None, None)
