"""Motion files: one module per format, a registry that finds the right one, and atomic writing.

`save_motion` and `load_motion` are what most callers need; `formats()` lists the formats that Kinema reads and writes
without importing any of them. docs/file-formats.md documents keys, shapes, units and frames.
"""

import sys
from types import ModuleType
from typing import Any

from kinema.formats.containers import motion_file as motion_file
from kinema.formats.motion_files import infer_format as infer_format
from kinema.formats.motion_files import load_motion as load_motion
from kinema.formats.motion_files import save_motion as save_motion
from kinema.formats.registry import FORMATS as FORMATS
from kinema.formats.registry import MotionFormat as MotionFormat
from kinema.formats.registry import formats as formats


class _Callable(ModuleType):
    """Makes this package callable: `kinema.formats()` lists the formats, but importing the package rebinds that name
    to it."""

    def __call__(self) -> Any:
        return FORMATS.rows()


sys.modules[__name__].__class__ = _Callable
