"""A script that sets up a scene in Blender: animated bodies, and the filming camera with its footage as background.

`name.py` and `name_scene.glb` (see `glb`) belong together: the script imports the GLB next to it. Run it with

    blender --python name.py                            the scene, to work with
    blender --background --python name.py -- name.blend  a .blend file
    python name.py -- name.blend                        the same, where that Python has the package bpy

The scene: skinned bodies and armatures, animated; a camera `camera`, animated if it moved, whose lens is exactly
Kinema's (with the principal point and pixels that are not square, without distortion), the footage as its background at
the right frames; rate, length and size of the video; a sun. Blender's world is z-up, in metres: its importer rotates
the GLB's y-up world, so (x, y, z) of Kinema's world becomes (x, -z, y). Frame 0 is the motion's first frame.

Blender shows footage at uniform frames. If the video's rate varies, bodies are at their true times, but the background
is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.formats import glb
from kinema.formats.camera_track import NAME, camera_track
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import exported_frame
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

_TEMPLATE = Path(__file__).with_name("blender_scene_script.py")
_PLACE = "SETTINGS: dict[str, Any] = {}\n"


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    names: str | None = None,
    footage: str | Path | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write the script and its GLB, and return the script.

    names: of the joints (`naming`). footage: the video that the motion was made from; without it the camera has no
    background. Raises UsageError, OutputError.
    """
    report = WriteReport() if report is None else report
    model = path.with_name(f"{path.stem}_scene.glb")
    glb.write(motion, model, body=body, names=names, report=report)
    # The GLB's notes name its camera; the script stores the camera's other properties.
    camera = camera_track(motion, exported_frame(motion), WriteReport())
    lens: dict[str, Any] | None = None
    if camera is not None:
        width, _, focal = camera.film
        lens = {
            "name": NAME,
            "size": [camera.width, camera.height],
            "film": width,
            "focal": focal,
            "off_middle": list(camera.off_middle),
            "pixel_aspect": float(camera.intrinsics[1, 1] / camera.intrinsics[0, 0]),
        }
    if footage is None:
        report.notes.add("without a video the camera has no background; name it with `video`")
    settings = {
        "model": model.name,
        "rate": motion.fps,
        "frames": max(1, round(float(motion.times[-1] - motion.times[0]) * motion.fps) + 1),
        "camera": lens,
        "footage": None if footage is None else str(Path(footage).resolve()),
        "first": round(float(motion.times[0]) * motion.fps),
    }
    text = _TEMPLATE.read_text(encoding="utf-8").replace(_PLACE, f"SETTINGS: dict[str, Any] = {settings!r}\n", 1)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    report.paths.insert(0, path)
    return path
