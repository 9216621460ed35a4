"""Whether a build may tell what a project needs: the policy, and the message where it may not."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from resolver.errors import MetadataError
from resolver.fetch.builds import BuildPolicy
from resolver.fetch.host import describe_host, is_host_compatible
from resolver.targets.target import Target

__all__ = ["check_build_allowed"]


def check_build_allowed(
    described: str,
    *,
    project: NormalizedName | None,
    version: Version | None,
    target: Target,
    policy: BuildPolicy,
    isolated: bool = True,
) -> None:
    """Raises MetadataError where the policy forbids a build for this target, and says what to write instead.

    `isolated` is false under `--no-build-isolation`: such a build runs among packages that only the image has.
    """
    if policy == "never":
        why, remedy = "`--no-build` forbids it", f", or its name (`{project or 'NAME'}`) under `allow-build`"
    elif not isolated:
        why, remedy = "`--no-build-isolation` builds it among the packages of the image, which are not here", ""
    elif policy == "if-compatible" and not is_host_compatible(target):
        why = f"a build on {describe_host()} may tell other requirements than one on the target, {target}"
        remedy = ", or accept those of this machine with `--build-anyway`"
    else:
        return
    table = ["[[tool.pinfold.dependency-metadata]]", f'name = "{project or "NAME"}"']
    table += [f'version = "{version}"'] if version is not None else []
    raise MetadataError(
        f"only a build can tell what `{described}` needs, and it was not built",
        why=why,
        remedy=f"write its requirements into pyproject.toml{remedy}",
        quoted=(*table, "requires-dist = []"),
        project=project or described,
        filename=described,
        needs_build=True,
        reason=f"only a build can tell what `{described}` needs, and {why}",
    )
