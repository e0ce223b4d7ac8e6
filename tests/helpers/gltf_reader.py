"""An independent GLB reader: pygltflib parses the file; posing and skinning follow the glTF specification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation, Slerp

_DTYPES = {5126: np.float32, 5121: np.uint8, 5123: np.uint16, 5125: np.uint32}
_SIZES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Gltf:
    """A file, with its nodes posed and its meshes skinned at any time."""

    def __init__(self, path: Path) -> None:
        pygltflib = pytest.importorskip("pygltflib")
        self.file = pygltflib.GLTF2().load(str(path))
        self.blob = self.file.binary_blob()
        self.nodes = {node.name: i for i, node in enumerate(self.file.nodes)}

    def array(self, accessor: int) -> np.ndarray:
        a = self.file.accessors[accessor]
        view = self.file.bufferViews[a.bufferView]
        size = _SIZES[a.type]
        start = (view.byteOffset or 0) + (a.byteOffset or 0)
        flat = np.frombuffer(self.blob, _DTYPES[a.componentType], a.count * size, start)
        return flat.reshape(a.count, size) if size > 1 else flat

    def curve(self, node: int, path: str):
        """(times, values, interpolation) of an animated property, or None."""
        animation = self.file.animations[0]
        for channel in animation.channels:
            if channel.target.node == node and channel.target.path == path:
                sampler = animation.samplers[channel.sampler]
                return self.array(sampler.input), self.array(sampler.output), sampler.interpolation
        return None

    def local(self, node: int, moment: float) -> np.ndarray:
        """(4,4) transform of a node at a time (keys interpolated, and held beyond their ends)."""
        own = self.file.nodes[node]
        values = {"translation": own.translation or [0, 0, 0], "scale": own.scale or [1, 1, 1]}
        rotation = Rotation.from_quat(own.rotation or [0, 0, 0, 1])
        for name in values:
            curve = self.curve(node, name)
            if curve is None:
                continue
            times, keys, how = curve
            if how == "STEP":
                values[name] = keys[max(np.searchsorted(times, moment, side="right") - 1, 0)]
            else:
                values[name] = [np.interp(moment, times, column) for column in keys.T]
        curve = self.curve(node, "rotation")
        if curve is not None:
            times, keys, _ = curve
            rotations = Rotation.from_quat(keys)
            rotation = (
                rotations[0] if len(times) == 1 else Slerp(times, rotations)(np.clip(moment, times[0], times[-1]))
            )
        matrix = np.eye(4)
        matrix[:3, :3] = rotation.as_matrix() * np.asarray(values["scale"])
        matrix[:3, 3] = values["translation"]
        return matrix

    def world(self, moment: float) -> dict[int, np.ndarray]:
        """(4,4) world transform of every node in the scene."""
        found: dict[int, np.ndarray] = {}

        def visit(node: int, parent: np.ndarray) -> None:
            found[node] = parent @ self.local(node, moment)
            for child in self.file.nodes[node].children or []:
                visit(child, found[node])

        for root in self.file.scenes[self.file.scene].nodes:
            visit(root, np.eye(4))
        return found

    def skins(self) -> dict[str, list[int]]:
        """Joints of each skin, by the name of the node whose mesh it deforms."""
        return {n.name: self.file.skins[n.skin].joints for n in self.file.nodes if n.skin is not None}

    def joints(self, name: str, moment: float) -> np.ndarray:
        """(24,3) positions of the joints that deform the mesh of node `name`."""
        world = self.world(moment)
        return np.array([world[joint][:3, 3] for joint in self.skins()[name]])

    def vertices(self, name: str, moment: float) -> np.ndarray:
        """(V,3) vertices of a skinned mesh."""
        node = self.file.nodes[self.nodes[name]]
        skin = self.file.skins[node.skin]
        inverse = self.array(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
        world = self.world(moment)
        matrices = np.array([world[j] @ b for j, b in zip(skin.joints, inverse, strict=True)])
        attributes = self.file.meshes[node.mesh].primitives[0].attributes
        rest = self.array(attributes.POSITION)
        weights, influences = self.array(attributes.WEIGHTS_0), self.array(attributes.JOINTS_0)
        blended = np.einsum("vk,vkij->vij", weights, matrices[influences])
        return np.einsum("vij,vj->vi", blended, np.c_[rest, np.ones(len(rest))])[:, :3]
