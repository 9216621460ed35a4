"""A problem and a source of packages in, a resolution or an explanation out.

For programs: why a list has no solution, as values. `NoSolutionError` holds an `Explanation`. The names are imported
from their modules when they are first used, as those of `resolver`.
"""

from __future__ import annotations

from lockfiles._values import lazy_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resolver.solve.diagnosis import NoSolutionError as NoSolutionError
    from resolver.solve.explanation import Change as Change
    from resolver.solve.explanation import ChosenOption as ChosenOption
    from resolver.solve.explanation import CollidingRequirement as CollidingRequirement
    from resolver.solve.explanation import Collision as Collision
    from resolver.solve.explanation import EarlierFlag as EarlierFlag
    from resolver.solve.explanation import Explanation as Explanation
    from resolver.solve.explanation import Link as Link
    from resolver.solve.explanation import Obstacle as Obstacle
    from resolver.solve.explanation import OptionName as OptionName
    from resolver.solve.explanation import Remedy as Remedy
    from resolver.solve.explanation import Supply as Supply
    from resolver.solve.explanation import UnusableVersion as UnusableVersion
    from resolver.solve.explanation import WrittenLine as WrittenLine

_NAMES_BY_MODULE = {
    "resolver.solve.diagnosis": ("NoSolutionError",),
    "resolver.solve.explanation": (
        "Change",
        "ChosenOption",
        "CollidingRequirement",
        "Collision",
        "EarlierFlag",
        "Explanation",
        "Link",
        "Obstacle",
        "OptionName",
        "Remedy",
        "Supply",
        "UnusableVersion",
        "WrittenLine",
    ),
}

__all__ = sorted(name for names in _NAMES_BY_MODULE.values() for name in names)  # noqa: PLE0605 - a list all the same

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(globals(), _NAMES_BY_MODULE)
