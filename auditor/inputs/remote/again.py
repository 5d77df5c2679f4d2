"""Where the pictures of a finished audit lie, which may name an address: in the cache, or fetched if that is wanted.

An audit may come from anybody. What it names is not asked over the network unless the user names it again.
"""

from __future__ import annotations

from pathlib import Path

from auditor.config import AuditConfig, cache_folder
from auditor.data_address import data_place, pictures_in, without_secrets
from auditor.errors import InputError
from auditor.inputs.remote.fetch import fetch_shards
from auditor.inputs.remote.kept import kept_set
from auditor.wording import quote


def picture_root(audited: str, given: str | Path | None, *, cache: Path | None = None) -> Path:
    """The folder that the paths of an audit's pictures begin in; it need not be there.

    Args:
        audited: The data that the audit names.
        given: The data that the user names; None where they are the audit's.
        cache: Folder of the cache that the audit was made with; None for the user's.

    Raises:
        InputError: shards of an address are not in the cache any more, or cannot be fetched.
    """
    place = data_place(audited if given is None else given)
    if isinstance(place, Path):
        return pictures_in(place)
    return pictures_in(kept_again(place, cache) if given is None else fetch_shards(place, cache_folder(None)).path)


def kept_again(address: str, cache: Path | None) -> Path:
    """What was fetched for an audit, in its cache or the user's.

    Raises:
        InputError: it is not there any more.
    """
    found = kept_set(address, dict.fromkeys(cache_folder(one) for one in (None, cache) if one is None or one.is_dir()))
    if found is None:
        raise InputError(
            f"the shards of {quote(without_secrets(address))} are not in the cache any more; give the address again "
            "with --data, which fetches them"
        )
    return found


def with_data_again(settings: AuditConfig, cache: Path | None, *, fetch: bool) -> AuditConfig:
    """Settings of a finished audit whose data are on this machine.

    Args:
        settings: As they are to be used.
        cache: As `picture_root` takes it.
        fetch: Whether an address may be asked: the user named it, or trusts the audit.

    Raises:
        InputError: as `kept_again`.
    """
    if fetch or not settings.needs_fetching:
        return settings
    return settings.with_fetched(kept_again(str(settings.data), cache))
