"""By which words the furniture of pages is known in bare text; the lists are in ``dump_words.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

_LISTS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_name("dump_words.toml").read_text(encoding="utf-8"))


def _any(name: str) -> str:
    longest_first = sorted(_LISTS[name], key=len, reverse=True)
    return "|".join(re.escape(one).replace(r"\ ", r"\s+") for one in longest_first)


MENU = frozenset(_LISTS["menu"])
OPENERS = frozenset(_LISTS["openers"])

_ICONS = frozenset(_LISTS["icons"])
_ICON_TOKEN = re.compile(r"[\w-]+")
# "bookmarkicon", "bookmark-bicon", "icon-search", "IconMenu"; "svg-arrow-right"
_ICON_NAME = re.compile(
    r"(?P<before>[a-z-]+?)[-_]?b?icons?|icons?[-_]?(?P<behind>[a-z-]+)|(?:svg|sprite|glyph|mdi|fa)-[\w-]+", re.IGNORECASE
)


def sprites(line: str) -> Iterator[tuple[int, int]]:
    """Runs of icons' names in a line: first character, character behind the last. A word that merely holds "icon" is none."""
    if "icon" not in (low := line.lower()) and not re.search(r"\b(?:svg|sprite|glyph|mdi|fa)-", low):
        return
    run: list[re.Match[str]] = []
    sure = 0
    for token in (*_ICON_TOKEN.finditer(line), None):
        weight = _icon_weight(token[0]) if token else -1
        if weight < 0 or (run and token and re.search(r"[.!?\n]", line[run[-1].end() : token.start()])):
            if sure >= 2:
                yield run[0].start(), run[-1].end()
            run, sure = [], 0
        if token and weight >= 0:
            run.append(token)
            sure += weight


def _icon_weight(word: str) -> int:
    """How far a word says that this is a sprite: 2 certainly, 1 if another says so too, 0 perhaps, -1 not at all."""
    low = word.lower()
    if low in ("icon", "icons"):
        return 1
    if found := _ICON_NAME.fullmatch(word):
        part = found["before"] or found["behind"]
        return 2 if part is None or any(name.lower() in _ICONS for name in part.split("-")) else -1
    return 0 if low in _ICONS else -1


_BY_MEANS_OF = r"on|auf|sur|en|em|su|op|på|na|в|via|per|with"
SHARE = re.compile(
    rf"(?:(?<!\w)(?:{_any('share')})(?:\s+(?:{_BY_MEANS_OF}))?[\s:,|/·•-]{{0,9}})?"
    rf"(?:(?<!\w)(?:{_any('networks')})(?!\w)[\s,|/·•-]{{0,9}}){{1,12}}|(?<!\w)(?:{_any('share')})(?!\w)",
    re.IGNORECASE,
)
# what comes behind it is no longer the article
END = re.compile(
    rf"^\W*(?:(?:{_any('end')})(?!\w)"
    r"|\d+\s+(?:comments?|kommentare?|commentaires?|comentarios|comentários|commenti|reacties|комментари\w+)\b"
    r"|©|\(c\)\s|copyright\b|all rights reserved|alle rechte vorbehalten|tous droits réservés"
    r"|todos (?:los derechos|os direitos) reservados|tutti i diritti|impressum\b|無断転載|무단\s*전재|все права защищены)",
    re.IGNORECASE,
)
FURNITURE = re.compile(rf"^\W*(?:{_any('furniture')})\W*$", re.IGNORECASE)

_PHOTO = "photo|foto|image|bild|picture|credit|crédit|fotografía|zdjęcie|фото|写真|사진|照片"
_SIGN_UP = "sign up|subscri|inbox|anmeld|abonn|inscri|suscr|iscriv|assin"
_READ_IN = "temps de lecture|lesezeit|reading time|tiempo de lectura|tempo de leitura|tempo di lettura|leestijd|lästid"
# sentences and lines that say by their words that they are no article's
NOTICE = re.compile(
    "|".join((
        r"\bcookies?\b|クッキー|쿠키|\bjavascript\b",
        rf"\bnewsletter\b.{{0,60}}(?:{_SIGN_UP})|(?:{_SIGN_UP})\w*\b.{{0,60}}\b(?:newsletter|inbox|updates|alerts)",
        rf"^\W*(?:{_PHOTO})\s*(?:by|von|de|:|/|：)|^\W*(?:image|photo|picture|video)\s+(?:source|caption|credit)\b",
        rf"^\W*(?:{_any('sources')})\s*[:：]\s*.{{1,40}}$",
        r"^\W*(?:(?:additional )?reporting by|editing by|compiled by|with files from|our standards)\b",
        r"^.{0,25}(?<!\w)\d{1,2}\s+(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?)\s+ago\W*$",
        r"^\W*(?:vor|il y a|hace|há|for|för)\s+\d{1,2}\s+\w{1,9}(?:\s+(?:siden|sedan))?\W*$",
        r"^\W*\d+\s*(?:min(?:ute)?n?s?\.?)(?:\s+(?:read|lesezeit|de lecture|de lectura|de leitura|lettura|czytania))?\W*$",
        rf"^\W*(?:{_READ_IN})\b",
        rf"^\W*(?:{_any('read_also')})\s*[:：]",
    )),
    re.IGNORECASE,
)  # fmt: skip
# how long it takes to read, within a line
READING = re.compile(
    rf"(?:{_READ_IN})\s?:?\s?(?:ca\.\s)?\d{{1,3}}\s?min\w*\.?"
    r"|(?<!\w)\d{1,2}[ -]min(?:ute)?s?\.?\s(?:read|lesezeit|de lecture|de lectura|de leitura)(?!\w)",
    re.IGNORECASE,
)
_BY = "by|von|par|por|di|da|door|av|af"
# who wrote it, in a line of its own
BYLINE = re.compile(
    rf"^\W*(?:(?:{_BY}|autor(?:in|a)?|author|text|texte|texto|testo|autore|fot|автор|текст|文|取材|redazione)\s*:?\s+"
    r"|written by\s+|story by\s+)(?=[^\W\d_])[^.!?]{2,70}$",
    re.IGNORECASE,
)
# the same within a line, and behind a date; names begin with capitals
_NAME = r"[A-ZÀ-ÞА-ЯЁ][\w'’-]+\.?\s+(?:(?:de|da|van|von|der|el|la|[A-Z]\.)\s+){0,3}[A-ZÀ-ÞА-ЯЁ][\w'’-]+(?!\w)"
BYLINE_WITHIN = re.compile(rf"(?<!\w)(?:By|Von|Par|Por|Di|Door|Av|Af|Автор:?)\s+{_NAME}")
BYLINE_BEHIND = re.compile(rf"\s?[,|–—·-]?\s?((?i:{_BY})\s+{_NAME})")

_ON = r"(?:\s+(?:on|at|am|le|el|em|il|op|den|dne|à))?\W*$"
# what is said before a day: that it is of the publication, or of a change
PUBLISHED = re.compile(
    r"(?:publish\w*|posted|first published|veröffentlicht|erschienen|erstellt|publié\w*|mis en ligne|publicad[oa]|pubblicat[oa]"
    r"|gepubliceerd|publicerad|publisert|udgivet|opublikowano|dodano|publikováno|julkaistu|yayınlan\w*|опубликован\w*|опубліковано"
    rf"|公開|配信|掲載|입력|发布|發布|diterbitkan|đăng){_ON}",
    re.IGNORECASE,
)
CHANGED = re.compile(
    r"(?:updated?|modified|edited|corrected|aktualisiert|aktualizo\w*|geändert|stand|mis à jour|modifié\w*|actualizad[oa]"
    r"|atualizad[oa]|aggiornat[oa]|bijgewerkt|uppdaterad|oppdatert|opdateret|päivitetty|zaktualizowano|aktualizacja|güncellen\w*"
    rf"|güncelleme|обновлен\w*|изменен\w*|оновлено|更新|수정|diperbarui|cập nhật){_ON}",
    re.IGNORECASE,
)
