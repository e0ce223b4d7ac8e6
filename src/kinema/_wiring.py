"""How the packages are wired: names that load on first use, and what low layers offer but higher ones do.

`Motion.save` is a convenience for `kinema.save`; a motion itself knows no file format.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in kinema/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

save_motion: Callable[..., Any]
load_motion: Callable[..., Any]


def late(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package's `__init__`: each name is imported from its module when it is first asked for."""

    def __getattr__(name: str) -> Any:
        if name in homes:
            from importlib import import_module

            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return __getattr__
