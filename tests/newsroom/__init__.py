"""The sample newsroom: a small synthetic news site in several languages, served over real HTTP for tests and demos."""

from .content import Expected
from .server import Newsroom, Seen

__all__ = ["Expected", "Newsroom", "Seen"]
