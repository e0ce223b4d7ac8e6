"""The ways to find a moving camera's path, by name. A new one is one module with a function, and one row.

Listing them imports none of their code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinema.errors import UsageError
from kinema.registry import Registry, resolve

if TYPE_CHECKING:
    from kinema.camera.options import CameraOptions
    from kinema.motion import Motion
    from kinema.stage import Context

    Finder = Callable[[Motion, Context, CameraOptions], Motion]

NONE = "none"
"""The method that finds nothing: a moving camera then has no world."""


@dataclass(frozen=True)
class CameraMethod:
    """A row: name; what it is, in a few words, and what it needs.

    find: function (motion, context, options) -> motion, or "module:function", None for `NONE`. It gets the tracked
    motion, always with a camera (`focal_source` and `fov_uncertainty` say how well its lens is known), and the context
    with the open video, in which the people's boxes hide them. It returns the motion with the path in `data`
    (`kinema.geometry.camera_path.path_data`), whose intrinsics are those of the motion's camera, which it may improve;
    or as it was, with a note, where the background shows too little. `context.facts["shots"]` gets a dictionary for
    each shot: `kind` (one of `kinema.geometry.camera_path.KINDS`, or "unknown"), `found` (share of the frames), and, if
    known, `reprojection_error` (pixels), `zoom`, `drift_degrees` and further figures; `context.facts["used"]`, whether
    the path is in the motion.
    networks: names in the weights hub of what it runs with these options. files: sha256 by name of the user's files
    that determine its result. extra: the package extra that it needs.
    """

    name: str
    summary: str
    find: str | Finder | None
    networks: Callable[[CameraOptions], Sequence[str]] = lambda options: ()
    files: Callable[[CameraOptions], Mapping[str, str]] = lambda options: {}
    extra: str | None = None

    def found(self, motion: Motion, context: Context, options: CameraOptions) -> Motion:
        """What `find` returns. Raises UsageError if a package is missing, and whatever the method raises."""
        if self.find is None:
            return motion
        try:
            code: Finder = resolve(self.find) if isinstance(self.find, str) else self.find
            return code(motion, context, options)
        except ModuleNotFoundError as error:
            if self.extra is None:
                raise
            raise UsageError(
                f"`camera_method` {self.name} needs {error.name}, which is not installed; run"
                f" `pip install 'kinema[{self.extra}]'`"
            ) from None


def _droid_files(options: CameraOptions) -> Mapping[str, str]:
    from kinema.camera.droid import files_of

    return files_of(options)


METHODS: Registry[CameraMethod] = Registry(
    "camera method",
    group="kinema.camera_methods",
    rows=(
        CameraMethod("classical", "from points of the background", "kinema.camera.classical:find_classical"),
        CameraMethod(
            "droid",
            "masked DROID-SLAM, with its droid.pth and torch",
            "kinema.camera.droid:find_droid",
            files=_droid_files,
            extra="torch",
        ),
        CameraMethod(NONE, "a moving camera has no world", None),
    ),
)
"""Every way to find a camera's path."""
