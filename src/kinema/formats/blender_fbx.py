"""A script that runs inside Blender, not in Kinema: converts a GLB to an FBX.

blender --background --factory-startup --python blender_fbx.py -- IN.glb OUT.fbx FRAMES_PER_SECOND FRAMES
python blender_fbx.py -- (the same)       where that Python has the package bpy

The GLB has one key per second, in centimetres (see `fbx`). At one frame per second each key falls on a whole frame,
however the version of Blender handles fractional rates; the rate is set afterwards. The FBX stores frames 0 to FRAMES -
1.
"""

from __future__ import annotations

import json
import math
import os
import struct
import sys
from pathlib import Path
from typing import Any


def allowed(operator: Any, **options: Any) -> dict[str, Any]:
    """The options that this version of Blender supports."""
    known = operator.get_rna_type().properties
    return {name: value for name, value in options.items() if name in known}


def select_bodies(bpy: Any) -> None:
    """Select cameras, armatures and what these deform; the importer adds balls as bones' shapes."""
    shown = bpy.context.view_layer.objects
    for thing in shown:
        deformed = thing.type == "MESH" and any(modifier.type == "ARMATURE" for modifier in thing.modifiers)
        thing.select_set(deformed or thing.type in ("ARMATURE", "CAMERA"))
    for armature in (thing for thing in shown if thing.type == "ARMATURE"):
        armature.data.name = armature.name


def set_film(bpy: Any, source: str) -> None:
    """Describe the lens by a film 36 mm wide: with other descriptions the exporter does not preserve the angles."""
    with open(source, "rb") as file:
        file.seek(12)
        (length,) = struct.unpack("<I4x", file.read(8))
        lenses = json.loads(file.read(length)).get("cameras", [])
    render = bpy.context.scene.render
    for camera, lens in zip(bpy.data.cameras, lenses, strict=True):
        aspect, half = lens["perspective"]["aspectRatio"], math.tan(lens["perspective"]["yfov"] / 2)
        camera.sensor_fit, camera.sensor_width, camera.sensor_height = "HORIZONTAL", 36.0, 36.0 / aspect
        camera.lens = 36.0 / (2 * half * aspect)
        render.resolution_x, render.resolution_y = lens["extras"]["size"]


def main(source: str, target: str, rate: int, frames: int) -> None:
    """Import, set the frame range, export. Bones keep their names; no leaf bones are added."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "motion"  # the name of the FBX's animation
    scene.render.fps, scene.render.fps_base = 1, 1.0
    importer = bpy.ops.import_scene.gltf
    importer(**allowed(importer, filepath=source, disable_bone_shape=True))
    set_film(bpy, source)
    scene.render.fps = rate
    scene.frame_start, scene.frame_end = 0, frames - 1
    scene.unit_settings.system, scene.unit_settings.scale_length = "METRIC", 0.01
    select_bodies(bpy)
    exporter = bpy.ops.export_scene.fbx
    options = allowed(
        exporter,
        filepath=target,
        use_selection=True,
        object_types={"ARMATURE", "MESH", "CAMERA"},
        axis_forward="-Z",
        axis_up="Y",
        apply_unit_scale=True,
        apply_scale_options="FBX_SCALE_UNITS",
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
    )
    exporter(**options)


if __name__ == "__main__":
    # Python puts this file's folder first, whose modules have names that Blender's might have.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    given = sys.argv[sys.argv.index("--") + 1 :]
    main(given[0], given[1], int(given[2]), int(given[3]))
    sys.stdout.flush()
    os._exit(0)  # Blender 4.2 as a module crashes when Python ends, with the file written.
