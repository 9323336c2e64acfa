"""The lists of sites that a watch was given as files, read again when they change; one that cannot be used changes nothing."""

from __future__ import annotations

from pathlib import Path

from crawler.arguments import ArgumentError, NewsArguments

_Stamp = tuple[int, int, int] | None


class SiteList:
    """What a spider was told to watch, as its files say by now; ``warning`` is why they cannot be used, None while they can."""

    def __init__(self, given: dict[str, str], arguments: NewsArguments) -> None:
        self._given, self.arguments = given, arguments
        self._stamps = {path: _stamp(path) for _, path in arguments.files}
        self.warning: str | None = None

    def changed(self) -> bool:
        """Read the files again if any of them is another one than before: whether there is something new, in ``arguments`` or
        in ``warning``."""
        stamps = {path: _stamp(path) for path in self._stamps}
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        before = self.arguments, self.warning
        try:
            self.arguments, self.warning = self._read(), None
        except ArgumentError as error:
            self.warning = str(error)
        return before != (self.arguments, self.warning)

    def _read(self) -> NewsArguments:
        for name, path in self.arguments.files:
            if not Path(path).is_file():  # it would be taken for an address
                raise ArgumentError(f"{name}: there is no file {path!r} any more")
        return NewsArguments.parse(self._given)


def _stamp(path: str) -> _Stamp:
    """What changes with a file's content: the file itself, its time and its size."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
