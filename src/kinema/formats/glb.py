"""GLB (binary glTF 2.0): skinned bodies with skeleton and animation; opens in any viewer, in Blender, Unity, Unreal.

- Metres, y up. For each person a node `person_<id>` with the skeleton below it, and a mesh `person_<id>_body` skinned
  to it: exactly SMPL's linear blend skinning, except for pose blend shapes, which a skeleton cannot drive in glTF (the
  free body has none). Plain grey material.
- The rest pose is the person's T-pose standing on the ground at the origin.
- One animation for everybody: a key at each of the person's own frames, at the clip's true times, counted from its
  first frame. The viewer interpolates rotations along the shortest arc; nothing is resampled.
- The filming camera, if known: a node `camera` with a perspective camera (yfov, aspectRatio), placed among
  the people, with a key at every frame of the clip if it moves. glTF's cameras look along -z, y up, and have their
  principal point at the image centre. Pixel centres are at integers: with glTF's x from -1 to 1,
  u = (x + 1) / 2 * width - 0.5. The camera's `extras` have the exact `K` (3 rows) and `size`.
- People are hidden (their node's scale is 0) before they appear, after they leave and while they are absent for longer
than `kinema.temporal.gaps.AWAY`.

- Surfaces that a network located, or the bodies' without a skeleton, are sequences of meshes (`glb_surface`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinema.formats.angles import joint_quaternions
from kinema.formats.camera_track import NAME, CameraTrack, camera_track
from kinema.formats.glb_asset import INDICES, UBYTE, UINT, USHORT, VERTICES, Asset
from kinema.formats.glb_surface import add_surface
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack
from kinema.formats.skin import Skin, skin_of
from kinema.formats.surfaces import meshes_or_skeletons
from kinema.formats.timeline import without_pauses
from kinema.motion import Motion
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel

_NEAR = 0.01
"""Near plane of the camera, metres."""


def write(
    motion: Motion,
    path: Path,
    *,
    body: BodyModel | None = None,
    names: str | None = None,
    camera: bool = True,
    surface: str | None = None,
    report: WriteReport | None = None,
) -> Path:
    """Write everybody to one file. See the module.

    names: of the joints (`naming`). camera: include the filming camera. surface: "located" or "fitted" for meshes
    instead of skinned bodies; if nobody has a pose the located ones are written. Raises UsageError, OutputError.
    """
    report = WriteReport() if report is None else report
    motion = without_pauses(motion, report)
    meshes, tracks = meshes_or_skeletons(motion, body, report, surface, names)
    start, end = float(motion.times[0]), float(motion.times[-1])
    filmed = camera_track(motion, (meshes or tracks)[0].frame, report, middle=True) if camera else None
    layout = Layout(start, end, lambda at: at - start)
    if meshes:
        asset = Asset()
        for mesh in meshes:
            add_surface(asset, mesh, start, end, 1.0 / motion.fps)
        _finish(asset, path, layout, filmed)
    else:
        write_tracks(tracks, path, report, layout, filmed)
    report.paths.append(path)
    return path


@dataclass(frozen=True)
class Layout:
    """Time and length units of a file. start, end: seconds of the clip. clock: seconds (K,) of the clip to the file's
    time (K,). scale: the file's unit in a metre, 1 in a valid glTF.
    """

    start: float
    end: float
    clock: Callable[[np.ndarray], np.ndarray]
    scale: float = 1.0


def write_tracks(
    tracks: Sequence[SkeletonTrack],
    path: Path,
    report: WriteReport,
    layout: Layout,
    camera: CameraTrack | None = None,
) -> None:
    """Write tracks, and the camera, to one file. Raises UsageError (larger than 4 GB), OutputError."""
    asset = Asset()
    for track in tracks:
        if track.body.posedirs is not None:
            report.notes.add("the body's pose blend shapes are left out: a skeleton cannot drive them in glTF")
        _add_person(asset, track, layout, report)
    _finish(asset, path, layout, camera)


def _finish(asset: Asset, path: Path, layout: Layout, camera: CameraTrack | None) -> None:
    if camera is not None:
        _add_camera(asset, camera, layout)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        asset.write(file)


@dataclass(frozen=True)
class _Rotations:
    """The quaternions of one joint, computed when the file is written."""

    track: SkeletonTrack
    joint: int

    def __call__(self) -> np.ndarray:
        return joint_quaternions(self.track.pose, self.joint).astype(np.float32)


def _add_person(asset: Asset, track: SkeletonTrack, layout: Layout, report: WriteReport) -> None:
    skin = skin_of(track, layout.scale)
    joints = [
        asset.node(name=name, translation=[float(v) for v in offset])
        for name, offset in zip(track.joint_names, track.offsets * layout.scale, strict=True)
    ]
    asset.nodes[joints[0]]["translation"] = [float(v) for v in skin.joints[0]]
    for joint, node in enumerate(joints):
        children = [joints[child] for child in np.flatnonzero(track.body.parents == joint)]
        if children:
            asset.nodes[node]["children"] = children
    root = asset.node(name=track.name, children=[joints[0]])
    asset.roots.append(root)
    inverse = np.tile(np.eye(4, dtype=np.float32), (24, 1, 1))
    inverse[:, :3, 3] = -skin.joints
    columns = inverse.transpose(0, 2, 1)  # glTF stores matrices column by column
    asset.skins.append(
        {"joints": joints, "skeleton": joints[0], "inverseBindMatrices": asset.numbers(24, "MAT4", lambda: columns)}
    )
    mesh = _add_mesh(asset, track, skin)
    # A skinned mesh is placed by its joints, whatever its node's parents are; so it has none.
    asset.roots.append(asset.node(name=f"{track.name}_body", mesh=mesh, skin=len(asset.skins) - 1))
    _add_animation(asset, track, joints, root, layout, report)


def _add_camera(asset: Asset, camera: CameraTrack, layout: Layout) -> None:
    """The camera's node, in the scene; with keys at its frames if it moves."""
    lens = {"yfov": camera.yfov, "aspectRatio": camera.aspect, "znear": _NEAR * layout.scale}
    extras = {"K": camera.intrinsics.tolist(), "size": [camera.width, camera.height]}
    asset.cameras.append({"name": NAME, "type": "perspective", "perspective": lens, "extras": extras})
    turns, places = camera.quaternions.astype(np.float32), (camera.place * layout.scale).astype(np.float32)
    node = asset.node(name=NAME, camera=0, translation=places[0].tolist(), rotation=turns[0].tolist())
    asset.roots.append(node)
    if not camera.moves:
        return
    times = layout.clock(camera.times).astype(np.float32)
    bounds = ([float(times[0])], [float(times[-1])])
    clock = asset.numbers(len(times), "SCALAR", lambda: times, bounds=bounds)
    asset.animate(node, "translation", clock, asset.numbers(len(times), "VEC3", lambda: places))
    asset.animate(node, "rotation", clock, asset.numbers(len(times), "VEC4", lambda: turns))


def _add_mesh(asset: Asset, track: SkeletonTrack, skin: Skin) -> int:
    count = len(skin.vertices)
    bounds = (skin.vertices.min(axis=0).tolist(), skin.vertices.max(axis=0).tolist())
    index, component = (np.uint16, USHORT) if count < 2**16 else (np.uint32, UINT)
    attributes = {
        "POSITION": asset.numbers(count, "VEC3", lambda: skin.vertices, target=VERTICES, bounds=bounds),
        "NORMAL": asset.numbers(count, "VEC3", lambda: skin.normals, target=VERTICES),
        "JOINTS_0": asset.numbers(count, "VEC4", lambda: skin.influences, component=UBYTE, target=VERTICES),
        "WEIGHTS_0": asset.numbers(count, "VEC4", lambda: skin.weights, target=VERTICES),
    }
    faces = track.body.faces
    indices = asset.numbers(
        faces.size, "SCALAR", lambda: faces.reshape(-1).astype(index), component=component, target=INDICES
    )
    primitive = {"attributes": attributes, "indices": indices, "material": 0}
    asset.meshes.append({"name": f"{track.name}_body", "primitives": [primitive]})
    return len(asset.meshes) - 1


def _add_animation(
    asset: Asset, track: SkeletonTrack, joints: list[int], root: int, layout: Layout, report: WriteReport
) -> None:
    count = len(track)
    times = layout.clock(track.times).astype(np.float32)
    bounds = ([float(times[0])], [float(times[-1])])
    clock = asset.numbers(count, "SCALAR", lambda: times, bounds=bounds)
    place = asset.numbers(count, "VEC3", lambda: (track.pelvis * layout.scale).astype(np.float32))
    asset.animate(joints[0], "translation", clock, place)
    for joint, node in enumerate(joints):
        asset.animate(node, "rotation", clock, asset.numbers(count, "VEC4", _Rotations(track, joint)))
    moments, shown = track.presence(layout.start, layout.end)
    if np.all(shown):
        return
    report.notes.add(f"person {track.id} is hidden (scale 0) while away")
    seconds, scale = layout.clock(moments).astype(np.float32), np.repeat(shown[:, None], 3, axis=1).astype(np.float32)
    bounds = ([float(seconds[0])], [float(seconds[-1])])
    switch = asset.numbers(len(seconds), "SCALAR", lambda: seconds, bounds=bounds)
    asset.animate(root, "scale", switch, asset.numbers(len(seconds), "VEC3", lambda: scale), "STEP")
