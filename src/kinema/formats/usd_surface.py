"""Surfaces in USD: for each person a mesh, `person_<id>`, whose points have a sample at each of the person's frames.

Without the triangles of the body a cloud of points is written (UsdGeomPoints). The rest of the stage, its clock and its
camera are those of `kinema.formats.usd`.
"""

from __future__ import annotations

from typing import TextIO

import numpy as np

from kinema.formats.surfaces import SurfaceTrack

_WIDTH = 0.01
"""Metres: diameter of a point of a cloud."""


def write_surface(file: TextIO, track: SurfaceTrack, start: float, rate: float) -> None:
    """The prim of one track. start: seconds of the clip at time code 0; rate: time codes per second."""
    codes = ((track.times - start) * rate).tolist()
    kind = "Mesh" if len(track.faces) else "Points"
    schemas = '["MaterialBindingAPI"]'
    file.write(f'\n    def {kind} "{track.name}" (\n        prepend apiSchemas = {schemas}\n    )\n    {{\n')
    if len(track.faces):
        file.write(f"        int[] faceVertexCounts = [{', '.join(['3'] * len(track.faces))}]\n")
        file.write(f"        int[] faceVertexIndices = [{', '.join(map(str, track.faces.ravel().tolist()))}]\n")
        file.write('        uniform token subdivisionScheme = "none"\n')
    else:
        file.write(f'        float[] widths = [{_WIDTH}] (\n            interpolation = "constant"\n        )\n')
    file.write(
        "        rel material:binding = </motion/grey>\n        color3f[] primvars:displayColor = [(0.5, 0.5, 0.5)]\n"
    )
    extents: list[np.ndarray] = []
    row = "%.9g: [" + ", ".join(["(%.6g, %.6g, %.6g)"] * track.count) + "],\n"
    file.write("        point3f[] points.timeSamples = {\n")
    for rows in track.chunks():
        points = track.vertices(rows)
        extents += [np.stack([each.min(axis=0), each.max(axis=0)]).ravel() for each in points]
        for code, values in zip(codes[rows], points.reshape(len(points), -1).tolist(), strict=True):
            file.write(" " * 12 + row % (code, *values))
    file.write("        }\n        float3[] extent.timeSamples = {\n")
    file.writelines(
        f"            {code:.9g}: [({a:.6g}, {b:.6g}, {c:.6g}), ({d:.6g}, {e:.6g}, {f:.6g})],\n"
        for code, (a, b, c, d, e, f) in zip(codes, extents, strict=True)
    )
    file.write("        }\n    }\n")
