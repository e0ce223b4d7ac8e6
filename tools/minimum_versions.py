"""The lowest versions that pyproject.toml allows, as pip constraints, for the interpreter that runs this.

python tools/minimum_versions.py > minima.txt && python -m pip install -c minima.txt .
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# pip's own copies, so that a bare environment suffices; Python 3.10 has no tomllib.
from pip._vendor.packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def minimum_versions(extras: tuple[str, ...] = ()) -> list[str]:
    """`name==version` of each dependency, and of those of these extras, where it applies to this interpreter.

    Raises ValueError for a dependency without a lowest version.
    """
    project: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    listed = list(project["dependencies"])
    for extra in extras:
        listed += project["optional-dependencies"][extra]
    found = {}
    for requirement in map(Requirement, listed):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        lowest = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        if len(lowest) != 1:
            raise ValueError(f"{requirement} states no lowest version")
        found[requirement.name] = lowest[0]
    return [f"{name}=={version}" for name, version in found.items()]


if __name__ == "__main__":
    print("\n".join(minimum_versions(tuple(sys.argv[1:]))))
