"""Sets up a scene in Blender: moving bodies in front of the footage that they come from. Written by Kinema.

    blender --python THIS.py                             the scene, to work with
    blender --background --python THIS.py -- OUT.blend   a .blend file
    python THIS.py -- OUT.blend                          the same, where that Python has the package bpy

It imports the GLB next to it. An unsaved scene without changes is replaced; otherwise the bodies are added to the
scene.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {}


def main(settings: dict[str, Any], folder: Path, out: str | None) -> None:
    """Import, set rate, length and size, prepare the camera; save the scene as `out`, if that is given."""
    import bpy

    # Without a window nobody has a scene open, whatever Blender reports about its initial one.
    if bpy.app.background or not (bpy.data.filepath or bpy.data.is_dirty):
        bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = max(1, math.ceil(settings["rate"]))
    scene.render.fps_base = scene.render.fps / settings["rate"]
    there = set(scene.objects)
    bpy.ops.import_scene.gltf(filepath=str(folder / settings["model"]))
    scene.frame_start, scene.frame_end = 0, settings["frames"] - 1
    scene.frame_set(0)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3.0, (0.7, 0.2, 0.6)
    scene.collection.objects.link(sun)
    cameras = [thing for thing in scene.objects if thing.type == "CAMERA" and thing not in there]
    if settings["camera"] is not None and cameras:
        prepare(bpy, scene, cameras[0], settings)
    if out is not None:
        bpy.ops.wm.save_as_mainfile(filepath=str(Path(out).resolve()))


def prepare(bpy: Any, scene: Any, camera: Any, settings: dict[str, Any]) -> None:
    """Give the camera its lens, the scene its size, and the camera the footage as its background."""
    lens, data = settings["camera"], camera.data
    scene.camera, render = camera, scene.render
    (width, height), aspect = lens["size"], lens["pixel_aspect"]
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    # Neither of Blender's pixel aspects can be less than 1.
    render.pixel_aspect_x, render.pixel_aspect_y = max(aspect, 1.0), max(1 / aspect, 1.0)
    render.film_transparent = True
    right, below = lens["off_middle"]
    data.sensor_fit, data.sensor_width, data.lens = "HORIZONTAL", lens["film"], lens["focal"]
    # Both shifts are in widths of the image, upwards and to the right, and move the window, not the axis.
    data.shift_x, data.shift_y = -right, below * height / (width * aspect)
    if settings["footage"] is None:
        return
    if not os.path.exists(settings["footage"]):
        print(f"note: {settings['footage']} is gone; choose the camera's background yourself")
        return
    movie = bpy.data.images.load(settings["footage"])
    if movie.source != "MOVIE":
        print(
            f"note: {settings['footage']} is not a video that Blender can read; choose the camera's background yourself"
        )
        return
    background = data.background_images.new()
    background.image, background.alpha, background.frame_method = movie, 1.0, "STRETCH"
    player = background.image_user
    player.frame_start, player.frame_duration = 0, settings["frames"]
    player.frame_offset, player.use_auto_refresh = settings["first"], True
    data.show_background_images = True
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.spaces.active.region_3d.view_perspective = "CAMERA"


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    main(SETTINGS, Path(__file__).resolve().parent, given[0] if given else None)
    if given:
        sys.stdout.flush()
        os._exit(0)  # Blender 4.2 as a module crashes when Python ends, with the file written.
