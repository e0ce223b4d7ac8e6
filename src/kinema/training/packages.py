"""The packages that training needs, all in the extra `train`; missing ones are reported before the first epoch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from kinema.errors import UsageError

PACKAGES = ("torch", "safetensors", "onnx")
"""torch trains, safetensors and onnx write the result."""


def require_packages(packages: Sequence[str] = PACKAGES) -> None:
    """Raise UsageError unless all of them can be imported."""
    missing = []
    for name in packages:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise UsageError(f"training needs {' and '.join(missing)}, which is missing; run `pip install 'kinema[train]'`")
