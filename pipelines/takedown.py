"""Taking an article or a host out of a collection, for good: found, planned, carried out, and taken up again after a crash."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from archive.collection import Collection
from archive.recovery import recover
from archive.removal import Plan, carry_out
from archive.removal_plan import Found, find, plan
from archive.tombstones import Target
from pipelines.sites import Sites


def finish(collection: Collection, tick: Callable[[int], None] = lambda size: None) -> Plan | None:
    """Carry out what an interrupted takedown left undone, if there is one: the plan. The collection's lock must be held. Raises
    OSError if the disk refuses; then the next call goes on."""
    left = Plan.load(collection)
    if left:
        carry_out(collection, left, lambda one: _unlearn(collection, one), tick)
    return left


def look(collection: Collection, target: Target, tick: Callable[[], None] = lambda: None) -> Found:
    """What would go with a target. The collection's lock must be held. Raises TargetError if that is nothing."""
    recover(collection.archive)
    return find(collection, target, tick)


def take_down(
    collection: Collection,
    found: Found,
    reason: str,
    tick: Callable[[], None] = lambda: None,
    copied: Callable[[int], None] = lambda size: None,
) -> Plan:
    """Take out what was found, and never take it again. ``tick`` is called for every record that is read, ``copied`` gets the
    bytes that were written. The collection's lock must be held.

    Raises CollectionError if that cannot be done, with nothing changed; OSError if the disk refuses: then ``finish`` goes on.
    """
    made = plan(collection, found, reason, tick)
    made.save(collection)
    finish(collection, copied)
    return made


def _unlearn(collection: Collection, done: Plan) -> None:
    with closing(Sites(collection)) as sites:
        sites.unlearn(done.articles, Target.parse(done.tombstone.target).covers_host)
