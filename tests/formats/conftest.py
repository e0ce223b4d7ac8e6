"""Motions for testing the exchange formats: derived from procedural ones, so that every joint is known."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import UsageError
from kinema.formats.blender import Blender, find_blender
from kinema.motion import Motion
from kinema.synthetic import procedural_motion
from tests.helpers.exchange_motions import cut

TALL = np.array([1.5, -1.0, 0.5, 0, 0, 0, 0, 0, 0, 0])


@pytest.fixture(scope="session")
def body():
    return load_body()


@pytest.fixture(scope="session")
def walk(body) -> Motion:
    """Two seconds of one person walking and turning, 30 frames a second."""
    motion = procedural_motion(body, "demo", betas=TALL)
    return cut(motion, range(60))


@pytest.fixture(scope="session")
def pair(body) -> Motion:
    """Two people in a 3 s clip at 29.97 frames a second: one comes late, leaves and returns, the other lies down.

    Person 4 is present in frames 10 to 39 and 70 to 89, person 7 in all 90 but one.
    """
    first = procedural_motion(body, "demo", betas=TALL, fps=29.97)
    second = procedural_motion(body, "rounds", seed=3, fps=29.97)
    clip = cut(first, range(90))
    lying = second.people[0].select(np.arange(90))
    pose = np.array(lying.pose_world)
    pose[:, :3] = [-np.pi / 2, 0, 0]
    lying = lying.replace(
        pose_world=pose, joints_world=body.joints(pose, lying.betas, lying.transl_world), id=7, contacts=None
    )
    rows = np.r_[10:40, 70:90]
    late = clip.people[0].select(rows).replace(id=4)
    return clip.replace(people=(late, lying.select(np.delete(np.arange(90), 50))))


@pytest.fixture(scope="session")
def gltf_validator(request):
    """The Khronos glTF validator: a function from a path to its issues. Installed by npm into pytest's cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the Khronos glTF validator needs node and npm, which are not installed here")
    here, home = Path(__file__).parent, Path(request.config.cache.mkdir("gltf-validator"))
    if not (home / "node_modules" / "gltf-validator").is_dir():
        shutil.copy(here / "package.json", home)
        command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install gltf-validator here: {done.stderr.strip().splitlines()[-1:]}")
    shutil.copy(here / "gltf_validate.js", home)

    def validate(path):
        command = [node, str(home / "gltf_validate.js"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout)[str(path)]

    return validate


@pytest.fixture(scope="session")
def blender() -> Blender:
    """A Blender: one that Kinema finds, else the one of `make .venv-blender`."""
    try:
        found = find_blender()
    except UsageError:
        own = Path(__file__).parents[2] / ".venv-blender" / "bin" / "python"
        if not own.exists():
            pytest.skip("needs Blender: set KINEMA_BLENDER, or `make .venv-blender` (Python 3.11)")
        found = find_blender(own)
    if found.module:
        done = subprocess.run([found.program, "-c", "import bpy"], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"bpy cannot be imported here: {done.stderr.strip().splitlines()[-1:]}")
    return found
