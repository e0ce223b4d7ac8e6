"""A script for Blender (or a Python with `bpy`): import files and measure their joints in Blender's world.

python blender_measure.py -- OUT.json '{"FILE": [SECOND, ...], ...}'      each FILE a .bvh, .glb, .fbx or .usda

OUT.json: for each file, by armature, the head of every bone in the world, (x, y, z) metres with z up, at each of the
times; the bounding boxes of the skinned meshes at the first ten of them; and the names of all things in the scene.
A .py is a script of Kinema's, which sets up the scene itself. Where there is a camera: the pixels at which Blender's
own function sees every bone through it, (x, y) with centres at integers, for pictures of 1280 by 720.
With "FILE#ufbx" an FBX is read by Blender's newer importer, which uses the library ufbx.
"""

import json
import os
import runpy
import sys
from pathlib import Path

import bpy
from bpy_extras.object_utils import world_to_camera_view


def load(path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    if path.endswith(".py"):
        bpy.ops.wm.read_factory_settings()  # with its cube, as users find it
        script = runpy.run_path(path)
        script["main"](script["SETTINGS"], Path(path).parent, None)
        return bpy.context.scene
    if path.endswith(".bvh"):
        bpy.ops.import_anim.bvh(filepath=path, update_scene_fps=True)
    elif path.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=path)
    elif path.endswith(".fbx#ufbx"):
        bpy.ops.wm.fbx_import(filepath=path.removesuffix("#ufbx"), anim_offset=0.0)
    elif path.endswith(".fbx"):
        bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0)
    else:
        bpy.ops.wm.usd_import(filepath=path)
    return scene


def footage(camera):
    """File, first frame and offset of a camera's background."""
    if not camera.show_background_images:
        return None
    (picture,) = camera.background_images
    player = picture.image_user
    return [bpy.path.abspath(picture.image.filepath), player.frame_start, player.frame_offset, player.frame_duration]


def first_frame(armatures, suffix):
    """The scene's frame of the file's time 0; a BVH has no times, so it is the frame of its first key."""
    if suffix != ".bvh":
        return 0.0
    return min(armature.animation_data.action.frame_range[0] for armature in armatures)


def measure(path, moments):
    scene = load(path)
    rate = scene.render.fps / scene.render.fps_base
    armatures = [o for o in scene.objects if o.type == "ARMATURE"]
    start = first_frame(armatures, path[-4:])
    meshes = [o for o in scene.objects if o.type == "MESH" and o.find_armature()]
    names = [[o.type, o.name] for o in scene.objects]
    bones = [len(o.data.bones) for o in armatures]
    out = {
        "rate": rate,
        "armatures": {},
        "meshes": {},
        "names": names,
        "bones": bones,
        "actions": len(bpy.data.actions),
    }
    cameras = [o for o in scene.objects if o.type == "CAMERA"]
    if cameras:
        out["camera"] = {"name": cameras[0].name, "footage": footage(cameras[0].data), "frames": scene.frame_end + 1}
    for number, second in enumerate(moments):
        frame = start + second * rate
        scene.frame_set(int(frame // 1), subframe=frame % 1)
        depsgraph = bpy.context.evaluated_depsgraph_get()
        for o in armatures:
            bones = out["armatures"].setdefault(o.name, {})
            for bone in o.pose.bones:
                head = o.matrix_world @ bone.head
                bones.setdefault(bone.name, []).append(list(head))
                for camera in cameras[:1]:
                    x, y, _ = world_to_camera_view(scene, camera, head)
                    pixel = [x * 1280 - 0.5, (1 - y) * 720 - 0.5]
                    out.setdefault("pixels", {}).setdefault(bone.name, []).append(pixel)
        for o in meshes if number < 10 else ():
            own = o.evaluated_get(depsgraph)
            mesh = own.to_mesh()
            points = [own.matrix_world @ v.co for v in mesh.vertices]
            box = [[f(p[i] for p in points) for i in range(3)] for f in (min, max)]
            out["meshes"].setdefault(o.name, []).append(box)
            own.to_mesh_clear()
    return out


if __name__ == "__main__":
    target, wanted = sys.argv[sys.argv.index("--") + 1 :]
    with open(target, "w") as file:
        json.dump({path: measure(path, moments) for path, moments in json.loads(wanted).items()}, file)
    os._exit(0)
