"""A script that runs inside Blender, not in Kinema: converts a GLB to an FBX.

blender --background --factory-startup --python blender_fbx.py -- IN.glb OUT.fbx FRAMES_PER_SECOND SECONDS

FBX stores the animation frame by frame at the scene's frame rate, which is set to the clip's before importing the GLB
(its keys are in seconds).
"""

from __future__ import annotations

import sys


def main(source: str, target: str, rate: float, seconds: float) -> None:
    """Import, set the frame range, export. Bones keep their names; no leaf bones are added."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    render = bpy.context.scene.render
    render.fps = max(1, round(rate))
    render.fps_base = render.fps / rate
    bpy.ops.import_scene.gltf(filepath=source)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 0, max(1, round(seconds * rate))
    bpy.ops.export_scene.fbx(
        filepath=target,
        object_types={"ARMATURE", "MESH"},
        axis_forward="-Z",
        axis_up="Y",
        apply_scale_options="FBX_SCALE_ALL",
        add_leaf_bones=False,
        bake_anim=True,
        bake_anim_use_all_actions=False,
        bake_anim_use_nla_strips=False,
        bake_anim_simplify_factor=0.0,
    )


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--") + 1 :]
    main(given[0], given[1], float(given[2]), float(given[3]))
