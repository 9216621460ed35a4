from __future__ import annotations

from packaging.utils import NormalizedName

from resolver.errors import Position
from resolver.index.direct_distribution import DirectRequest, FixedSource
from resolver.requirements.direct_reference import parse_reference

WHEEL = "https://files.example/alpha-1.0-py3-none-any.whl"


def request_wheel(**settings: str) -> DirectRequest:
    return DirectRequest(
        reference=parse_reference(WHEEL, variables={}).direct,
        position=Position(item=0),
        text=WHEEL,
        config_settings=tuple(settings.items()),
    )


def test_a_fixed_source_is_the_one_location_of_its_project() -> None:
    location = FixedSource(name=NormalizedName("alpha"), request=request_wheel()).location
    assert (location.form, location.url.public) == ("direct", WHEEL)


def test_config_settings_are_not_in_the_repr() -> None:
    assert "hidden" not in repr(request_wheel(token="hidden"))
