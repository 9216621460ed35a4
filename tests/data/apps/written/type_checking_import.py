from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import fal

if TYPE_CHECKING:
    from collections.abc import Sequence


class Chat(fal.App):
    requirements: ClassVar[Sequence[str]] = ["a"]
#: requirements = ["a"]
