"""Motion files: one module per format, a registry that finds the right one, and files that appear whole or not at all.

`save_motion` and `load_motion` are what most callers need; `formats()` lists what Kinema reads and
writes without importing any of it. docs/file-formats.md has the keys, shapes, units and frames.
"""

import sys
from types import ModuleType
from typing import Any

from kinema.formats.containers import motion_file as motion_file
from kinema.formats.registry import FORMATS as FORMATS
from kinema.formats.registry import MotionFormat as MotionFormat
from kinema.formats.registry import find_format as find_format
from kinema.formats.registry import formats as formats
from kinema.formats.registry import infer_format as infer_format
from kinema.formats.registry import load_motion as load_motion
from kinema.formats.registry import save_motion as save_motion


class _Callable(ModuleType):
    """`kinema.formats()` lists the formats, and this room has the same name: as soon as it is imported, Python puts
    the room where the function was."""

    def __call__(self) -> Any:
        return FORMATS.rows()


sys.modules[__name__].__class__ = _Callable
