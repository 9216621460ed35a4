"""The index that is asked where nobody names one: pip's built-in one, as the installed pip knows it."""

from __future__ import annotations

from resolver.requirements.url import Url

__all__ = ["default_index_url"]


def default_index_url() -> Url:
    """The simple API of the public index. pip's configuration files and variables have no say in it.

    The one import from pip: it is where pip keeps the address, and no public interface tells it.
    """
    # Imported where it is needed: it takes 23 ms, and many lists name their own index.
    from pip._internal.models.index import PyPI

    return Url(public=f"{PyPI.simple_url.rstrip('/')}/")
