"""What the indexes of locked pins say of their projects now: all files, and the status of the project."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from packaging.utils import NormalizedName

from lockfiles.value_classes import dataclass
from resolver.errors import FetchError
from resolver.fetch.page_secrets import iter_secret_links
from resolver.fetch.session import Session
from resolver.index.project_status import ProjectStatus, read_project_status
from resolver.index.raw_file import PageError, RawFile
from resolver.index.simple_api import parse_project_page

__all__ = ["ProjectListing", "fetch_listings", "find_signed_link"]

_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectListing:
    """A project's page. `files` are in page order, for any target."""

    name: NormalizedName
    index: str
    files: tuple[RawFile, ...]
    status: ProjectStatus


def fetch_listings(
    wanted: Iterable[tuple[NormalizedName, str]], *, session: Session
) -> dict[tuple[NormalizedName, str], ProjectListing | None]:
    """The listing of each project on each index (its public URL), as the server has it now; None where it has none.

    Raises FetchError for an index that does not answer, or whose page cannot be read.
    """
    keys = list(dict.fromkeys(wanted))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(keys, pool.map(partial(_fetch, session=session), keys), strict=True))


def _fetch(key: tuple[NormalizedName, str], *, session: Session) -> ProjectListing | None:
    name, index = key
    url = f"{index.rstrip('/')}/{name}/"
    answer = session.fetch_page(url, past_cache=True)
    if answer is None:
        return None
    body = answer.body or b""
    try:
        files = parse_project_page(body, content_type=answer.content_type, url=answer.url, name=name)
    except PageError as error:
        raise FetchError(f"the page of `{name}` cannot be read: {url}", why=str(error), url=url) from error
    return ProjectListing(
        name=name, index=index, files=files, status=read_project_status(body, content_type=answer.content_type)
    )


def find_signed_link(name: NormalizedName, index: str, url: str, *, session: Session) -> bool:
    """Whether the index's page links to the file with a signature, which the session then knows.

    Locks have the links of such an index without it. Raises FetchError.
    """
    listing = _fetch((name, index), session=session)
    for link in iter_secret_links(() if listing is None else listing.files):
        session.add_link(link, source=f"a link of {index}")
    return session.credentials.is_signed(url)
