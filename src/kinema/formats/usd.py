"""USD: skinned bodies with skeleton and animation (UsdSkel) as `.usda` text, for Omniverse, Houdini, Maya, Blender.

- Metres, y up. Below `/motion` one SkelRoot per person, `person_<id>`, with `skeleton`, `body` (the mesh) and
  `animation`; the skinning is SMPL's, except for pose blend shapes. Plain grey material.
- A time sample at each of the person's own frames, at the clip's true times: time code 0 is the clip's first frame and
  `timeCodesPerSecond` its mean frame rate, so that a clip of constant frame rate has whole time codes.
- The filming camera, if known: `/motion/camera`, a UsdGeomCamera, with time samples at every frame of the
  clip if it moves (`xformOp:translate`, `xformOp:orient`). It looks along -z, y up. Focal length and apertures are in
  tenths of the stage's unit, as USD defines them, for a film 36 mm wide, and the aperture offsets hold the principal
  point: with pixel centres at integers, the left edge of the film is at u = -0.5.
- Surfaces located by a network without a fitted body, and others on request: a mesh with a sample of its points for
each frame (`usd_surface`).
- People who are absent for longer than `kinema.temporal.gaps.AWAY` are invisible meanwhile.

Text can be read by every version of every program, and written frame by frame, so memory does not grow with the clip;
`usdcat in.usda -o out.usdc` makes it about three times smaller.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from kinema._version import __version__
from kinema.formats.angles import pose_quaternions
from kinema.formats.camera_track import NAME, CameraTrack, camera_track
from kinema.formats.naming import identifier
from kinema.formats.report import WriteReport
from kinema.formats.skeletal import SkeletonTrack
from kinema.formats.skin import skin_of
from kinema.formats.surfaces import meshes_or_skeletons
from kinema.formats.timeline import without_pauses
from kinema.formats.usd_surface import write_surface
from kinema.motion import Motion
from kinema.skeleton import SMPL24
from kinema.storage.atomic import atomic_path

if TYPE_CHECKING:
    from kinema.body import BodyModel


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
    """Write everybody to one stage. See the module.

    names: of the joints (`naming`). camera: include the filming camera. surface: "located" or "fitted" for moving
    meshes instead of skinned bodies; if nobody has a pose the located ones are written. Raises UsageError, OutputError.
    """
    report = WriteReport() if report is None else report
    motion = without_pauses(motion, report)
    meshes, tracks = meshes_or_skeletons(motion, body, report, surface, names)
    filmed = camera_track(motion, (meshes or tracks)[0].frame, report) if camera else None
    start, end, rate = float(motion.times[0]), float(motion.times[-1]), motion.fps
    with atomic_path(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(_stage(rate, (end - start) * rate))
        for mesh in meshes:
            write_surface(file, mesh, start, rate)
        for track in tracks:
            if track.body.posedirs is not None:
                report.notes.add("the body's pose blend shapes are left out: a skeleton cannot drive them in USD")
            _person(file, track, start, end, rate, report)
        if filmed is not None:
            _camera(file, filmed, start, rate)
        file.write("}\n")
    report.paths.append(path)
    return path


def _stage(rate: float, last: float) -> str:
    return f"""#usda 1.0
(
    defaultPrim = "motion"
    doc = "written by Kinema {__version__}"
    endTimeCode = {last:.9g}
    framesPerSecond = {rate:.9g}
    metersPerUnit = 1
    startTimeCode = 0
    timeCodesPerSecond = {rate:.9g}
    upAxis = "Y"
)

def Xform "motion" (
    kind = "group"
)
{{
    def Material "grey"
    {{
        token outputs:surface.connect = </motion/grey/surface.outputs:surface>

        def Shader "surface"
        {{
            uniform token info:id = "UsdPreviewSurface"
            color3f inputs:diffuseColor = (0.5, 0.5, 0.5)
            float inputs:roughness = 0.8
            token outputs:surface
        }}
    }}
"""


def _person(file: TextIO, track: SkeletonTrack, start: float, end: float, rate: float, report: WriteReport) -> None:
    path = f"/motion/{track.name}"
    file.write(f'\n    def SkelRoot "{track.name}" (\n        kind = "component"\n    )\n    {{\n')
    moments, shown = track.presence(start, end)
    if not np.all(shown):
        report.notes.add(f"person {track.id} is invisible while away")
        switches = (
            f'{(moment - start) * rate:.9g}: "{"inherited" if on else "invisible"}"'
            for moment, on in zip(moments, shown, strict=True)
        )
        file.write(f"        token visibility.timeSamples = {{ {', '.join(switches)} }}\n")
    _skeleton_and_mesh(file, track, path)
    _animation(file, track, start, rate)
    file.write("    }\n")


def _skeleton_and_mesh(file: TextIO, track: SkeletonTrack, path: str) -> None:
    skin = skin_of(track)
    offsets = track.offsets.copy()
    offsets[0] = skin.joints[0]
    faces = track.body.faces
    low, high = skin.vertices.min(axis=0), skin.vertices.max(axis=0)
    file.write(f"""
        def Skeleton "skeleton" (
            prepend apiSchemas = ["SkelBindingAPI"]
        )
        {{
            uniform matrix4d[] bindTransforms = [{_matrices(skin.joints)}]
            uniform token[] joints = [{_joints(track)}]
            uniform matrix4d[] restTransforms = [{_matrices(offsets)}]
            rel skel:animationSource = <{path}/animation>
        }}

        def Mesh "body" (
            prepend apiSchemas = ["SkelBindingAPI", "MaterialBindingAPI"]
        )
        {{
            float3[] extent = [{_tuples([low, high])}]
            int[] faceVertexCounts = [{", ".join(["3"] * len(faces))}]
            int[] faceVertexIndices = [{", ".join(map(str, faces.ravel().tolist()))}]
            rel material:binding = </motion/grey>
            normal3f[] normals = [{_tuples(skin.normals)}] (
                interpolation = "vertex"
            )
            point3f[] points = [{_tuples(skin.vertices)}]
            color3f[] primvars:displayColor = [(0.5, 0.5, 0.5)]
            matrix4d primvars:skel:geomBindTransform = {_matrices(np.zeros((1, 3)))}
            int[] primvars:skel:jointIndices = [{", ".join(map(str, skin.influences.ravel().tolist()))}] (
                elementSize = {skin.influences.shape[1]}
                interpolation = "vertex"
            )
            float[] primvars:skel:jointWeights = [{_values(skin.weights.ravel())}] (
                elementSize = {skin.weights.shape[1]}
                interpolation = "vertex"
            )
            rel skel:skeleton = <{path}/skeleton>
            uniform token subdivisionScheme = "none"
        }}
""")


def _animation(file: TextIO, track: SkeletonTrack, start: float, rate: float) -> None:
    file.write(f"""
        def SkelAnimation "animation"
        {{
            uniform token[] joints = [{_joints(track)}]
            half3[] scales = [{", ".join(["(1, 1, 1)"] * len(SMPL24))}]
            quatf[] rotations.timeSamples = {{
""")
    codes = (track.times - start) * rate
    row = " " * 16 + "%.9g: [" + ", ".join(["(%.7g, %.7g, %.7g, %.7g)"] * len(SMPL24)) + "],\n"
    previous: np.ndarray | None = None
    for rows in track.chunks():
        quaternions = pose_quaternions(track.pose[rows], previous)
        previous = quaternions[-1]
        wxyz = quaternions[..., [3, 0, 1, 2]].reshape(len(quaternions), -1)
        file.writelines(row % (code, *line) for code, line in zip(codes[rows].tolist(), wxyz.tolist(), strict=True))
    file.write(f"{' ' * 12}}}\n{' ' * 12}float3[] translations.timeSamples = {{\n")
    bones = _tuples(track.offsets[1:])
    row = " " * 16 + "%.9g: [(%.7g, %.7g, %.7g), " + bones + "],\n"
    for rows in track.chunks():
        lines = zip(codes[rows].tolist(), track.pelvis[rows].tolist(), strict=True)
        file.writelines(row % (code, *position) for code, position in lines)
    file.write(f"{' ' * 12}}}\n        }}\n")


def _camera(file: TextIO, camera: CameraTrack, start: float, rate: float) -> None:
    # In tenths of the stage's unit, which is a metre: a millimetre is a hundredth of that.
    width, height, focal = (0.01 * value for value in camera.film)
    right, below = camera.off_middle
    file.write(f"""
    def Camera "{NAME}"
    {{
        float2 clippingRange = (0.01, 10000)
        float focalLength = {focal:.9g}
        float horizontalAperture = {width:.9g}
        float horizontalApertureOffset = {-right * width:.9g}
        float verticalAperture = {height:.9g}
        float verticalApertureOffset = {below * height:.9g}
        token projection = "perspective"
        uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:orient"]
""")
    places = [f"({x:.9g}, {y:.9g}, {z:.9g})" for x, y, z in camera.place.tolist()]
    turns = [f"({w:.12g}, {x:.12g}, {y:.12g}, {z:.12g})" for x, y, z, w in camera.quaternions.tolist()]
    for name, values in (("double3 xformOp:translate", places), ("quatd xformOp:orient", turns)):
        if not camera.moves:
            file.write(f"        {name} = {values[0]}\n")
            continue
        file.write(f"        {name}.timeSamples = {{\n")
        codes = ((camera.times - start) * rate).tolist()
        file.writelines(f"            {code:.9g}: {value},\n" for code, value in zip(codes, values, strict=True))
        file.write("        }\n")
    file.write("    }\n")


def _joints(track: SkeletonTrack) -> str:
    """The joints as UsdSkel names them: each with the path of its ancestors."""
    paths: list[str] = []
    for name, parent in zip(map(identifier, track.joint_names), track.body.parents, strict=True):
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    return ", ".join(f'"{path}"' for path in paths)


def _matrices(translations: np.ndarray) -> str:
    """Translations as USD matrices, whose last row is the translation."""
    template = "( (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (%.9g, %.9g, %.9g, 1) )"
    return ", ".join(template % tuple(row) for row in translations)


def _tuples(rows: Iterable[np.ndarray]) -> str:
    return ", ".join(f"({x:.7g}, {y:.7g}, {z:.7g})" for x, y, z in rows)


def _values(numbers: np.ndarray) -> str:
    return ", ".join(f"{number:.7g}" for number in numbers.tolist())
