"""Named read-only SQL on channel groups; no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.store.queries.audit import Connection

_GROUPS = """
WITH used AS (
    SELECT group_idx, count(*) AS n_classes,
           list(class_name ORDER BY share DESC, class_idx)[:$n_classes] AS names,
           list(share ORDER BY share DESC, class_idx)[:$n_classes] AS shares,
           first(image_ids ORDER BY share DESC, class_idx) AS image_ids
    FROM class_channel_groups GROUP BY group_idx
)
SELECT g.group_idx, g.name, g."use", g.n_channels, coalesce(u.n_classes, 0), coalesce(u.names, []),
       coalesce(u.shares, []), coalesce(u.image_ids, []), max(g."use") OVER (), count(*) OVER ()
FROM channel_groups g LEFT JOIN used u USING (group_idx)
ORDER BY g."use" DESC, g.group_idx
LIMIT $limit OFFSET $start
"""

_USERS = """
SELECT class_idx, class_name, share, n_images, count(*) OVER ()
FROM class_channel_groups WHERE group_idx = $group_idx
ORDER BY share DESC, class_idx LIMIT $limit
"""

_CHANNELS = """
SELECT c.channel_idx, c.words, m."use", count(*) OVER ()
FROM channel_group_members m JOIN channels c USING (channel_idx)
WHERE m.group_idx = $group_idx ORDER BY m."use" DESC, c.channel_idx LIMIT $limit
"""

_ONE = 'SELECT group_idx, name, "use", n_channels FROM channel_groups WHERE group_idx = $group_idx'


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A channel group with the classes that use it most, and pictures of the first of them in which it carries most."""

    group_idx: int
    name: str
    use: float
    n_channels: int
    n_classes: int
    class_names: tuple[str, ...]
    shares: tuple[float, ...]
    image_ids: tuple[str, ...]
    largest_use: float
    total: int


@dataclass(frozen=True, slots=True)
class OneGroup:
    """A channel group."""

    group_idx: int
    name: str
    use: float
    n_channels: int


@dataclass(frozen=True, slots=True)
class GroupInClass:
    """What a group carries of the evidence for a class, on average over the pictures called it."""

    class_idx: int
    class_name: str
    share: float
    n_images: int
    total: int


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a group and its words."""

    channel_idx: int
    words: str
    use: float
    total: int


def groups(connection: Connection, *, n_classes: int, limit: int, start: int = 0) -> list[ListedGroup]:
    """A part of the channel groups, the most used first."""
    parameters = {"n_classes": n_classes, "limit": limit, "start": start}
    found = []
    for row in connection.execute(_GROUPS, parameters).fetchall():
        group_idx, name, use, n_channels, n_classes, names, shares, image_ids, largest, total = row
        lists = tuple(names), tuple(shares), tuple(image_ids)
        found.append(ListedGroup(group_idx, name, use, n_channels, n_classes, *lists, largest, total))
    return found


def group(connection: Connection, group_idx: int) -> OneGroup | None:
    """One group; None where the audit has none of this number."""
    row = connection.execute(_ONE, {"group_idx": group_idx}).fetchone()
    return None if row is None else OneGroup(*row)


def group_of_channels(connection: Connection) -> list[int]:
    """The group of every channel, in order; -1 for none."""
    return [int(row[0]) for row in connection.execute("SELECT group_idx FROM channels ORDER BY channel_idx").fetchall()]


def classes_of(connection: Connection, group_idx: int, *, limit: int) -> list[GroupInClass]:
    """The classes that a group carries evidence for, the most first."""
    rows = connection.execute(_USERS, {"group_idx": group_idx, "limit": limit}).fetchall()
    return [GroupInClass(*row) for row in rows]


def channels_of(connection: Connection, group_idx: int, *, limit: int) -> list[Channel]:
    """The channels of a group, the most used first."""
    rows = connection.execute(_CHANNELS, {"group_idx": group_idx, "limit": limit}).fetchall()
    return [Channel(*row) for row in rows]
