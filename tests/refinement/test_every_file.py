"""A motion of every format that Kinema reads is refined: where it is, without loss of what it has."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import UsageError
from kinema.formats import load_motion, save_motion
from kinema.motion import Motion
from kinema.person import WORLD_FIELDS
from kinema.refinement import refine
from kinema.refinement.frames import can_be_placed
from kinema.synthetic import procedural_motion
from tests.helpers.averaging import averaging_tensors
from tests.helpers.foreign_samples import SAMPLES, write_sample

BODY = load_body()
FRAMES = 24
FILES = [*SAMPLES, "bvh", "trc", "c3d"]


@pytest.fixture(scope="module")
def averaging(tmp_path_factory):
    """A SmoothNet of eight frames that replaces every frame with the window's mean."""
    path = tmp_path_factory.mktemp("net") / "mean_8.npz"
    np.savez(path, **averaging_tensors(8))
    return path


@pytest.fixture(scope="module")
def captured() -> Motion:
    """Motion capture: two seconds of walking in the world alone, with noise of 2 degrees and 5 mm."""
    motion = procedural_motion(BODY, "demo", fps=30).slice(end=2.0)
    person, rng = motion.people[0], np.random.default_rng(1)
    pose = person.pose_world + 0.035 * rng.normal(size=person.pose_world.shape)
    transl = person.transl_world + 0.005 * rng.normal(size=person.transl_world.shape)
    person = person.replace(
        pose=None, transl=None, joints=None, reprojection_error=None, pose_world=pose, transl_world=transl,
        joints_world=BODY.joints(pose, person.betas, transl),
    )  # fmt: skip
    return motion.replace(people=(person,), camera=None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, captured):
    folder = tmp_path_factory.mktemp("files")
    for suffix in ("bvh", "trc", "c3d"):
        save_motion(captured, folder / f"captured.{suffix}")
    return folder


def file_of(name, folder):
    if name in SAMPLES:
        (inner := folder / name).mkdir(exist_ok=True)
        return write_sample(name, inner, SAMPLES[name][0](*([] if name == "romp" else [FRAMES])))
    return folder / f"captured.{name}"


def settings_of(method, checkpoint):
    name, _, representation = method.partition("-")
    if name in ("smoothnet", "video2pkl"):
        return name, {"checkpoint": checkpoint, **({"representation": representation} if representation else {})}
    return name, {}


@pytest.mark.parametrize("method", ["whittaker", "median", "smoothnet-3d", "smoothnet-smpl", "video2pkl"])
@pytest.mark.parametrize("name", FILES)
def test_every_file_is_refined_where_it_is(name, method, folder, averaging):
    motion = load_motion(file_of(name, folder))
    method, settings = settings_of(method, averaging)
    refined = refine(motion, BODY, method, **settings)
    for old, new in zip(motion, refined, strict=True):
        placed = not can_be_placed(motion) or old.pose is None
        wanted = {each for each in old.filled if placed or each not in WORLD_FIELDS}
        assert wanted <= set(new.filled)
        for pose, transl, joints in (("pose", "transl", "joints"), WORLD_FIELDS):
            if getattr(new, pose) is not None and getattr(new, transl) is not None:
                betas = np.zeros((len(new), 10)) if new.betas is None else new.betas
                own = BODY.joints(getattr(new, pose), betas, getattr(new, transl))
                np.testing.assert_allclose(getattr(new, joints), own, atol=1e-5)
        if old.contacts is not None:
            np.testing.assert_array_equal(new.contacts, old.contacts)


@pytest.mark.parametrize("method", ["whittaker", "smoothnet-3d", "smoothnet-smpl"])
def test_motion_capture_is_calmer_and_stays_on_its_ground(method, captured, averaging):
    method, settings = settings_of(method, averaging)
    before = captured.people[0]
    after = refine(captured, BODY, method, **settings).people[0]
    shaking = [np.linalg.norm(np.diff(p.joints_world, n=2, axis=0), axis=-1).mean() for p in (before, after)]
    assert shaking[1] < 0.4 * shaking[0]
    raised = np.abs((after.joints_world - before.joints_world)[..., 1].mean(axis=0))
    assert raised[0] < 0.005
    assert raised.max() < (0.01 if method == "whittaker" else 0.03)  # the mean of eight frames shortens steps
    way = np.linalg.norm(after.joints_world[:, 0] - before.joints_world[:, 0], axis=-1)
    assert way[15:-15].mean() < 0.05  # a mean of eight frames cuts the corners of a walk


@pytest.mark.parametrize("method", ["whittaker", "butterworth", "oneeuro", "median", "smoothnet-3d"])
def test_the_world_s_origin_and_direction_do_not_matter(method, captured, averaging):
    """Nothing in the world is treated as a camera's ray: turned and moved, the result is turned and moved."""
    method, settings = settings_of(method, averaging)
    turn, shift = Rotation.from_rotvec([0, 1.1, 0]), np.array([3.0, 0.5, -7.0])
    person = captured.people[0]
    pose = np.array(person.pose_world)
    pose[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    pelvis = BODY.rest_joints(person.betas)[:, 0]
    transl = turn.apply(person.transl_world + pelvis) + shift - pelvis
    moved = person.replace(
        pose_world=pose, transl_world=transl, joints_world=BODY.joints(pose, person.betas, transl)
    )  # fmt: skip
    here = refine(captured, BODY, method, **settings).people[0].joints_world
    there = refine(captured.replace(people=(moved,)), BODY, method, **settings).people[0].joints_world
    wanted = turn.apply(here.reshape(-1, 3)).reshape(here.shape) + shift
    within = 1e-6 if method in ("whittaker", "butterworth") else 0.03  # one coordinate at a time: axes matter a little
    np.testing.assert_allclose(there, wanted, atol=within)


def test_a_world_without_a_camera_is_refined_beside_the_camera_s_frame(folder):
    motion = load_motion(file_of("wham", folder))
    assert motion.camera is None
    refined = refine(motion, BODY, "whittaker").people[0]
    alone = motion.people[0].replace(pose=None, transl=None, joints=None)
    only_world = refine(motion.replace(people=(alone,)), BODY, "whittaker").people[0]
    np.testing.assert_array_equal(refined.joints_world, only_world.joints_world)
    only_seen = motion.people[0].replace(pose_world=None, transl_world=None, joints_world=None)
    np.testing.assert_array_equal(
        refined.joints, refine(motion.replace(people=(only_seen,)), BODY, "whittaker").people[0].joints
    )


@pytest.mark.parametrize("name", ["gvhmr", "glamr"])
def test_the_world_of_a_moving_camera_is_not_made_anew(name, folder, tmp_path):
    """Placing a body by a camera that moved would take the camera's way for the body's."""
    path = file_of(name, folder)
    before = load_motion(path).people[0]
    assert (
        main(["refine", str(path), "--method", "whittaker", "--strength", "0.2", "--out", str(tmp_path / "a.pkl")]) == 0
    )
    after = load_motion(tmp_path / "a.pkl").people[0]
    apart = after.transl_world - before.transl_world
    assert np.abs(apart.mean(axis=0)).max() < 0.05 * np.abs(before.transl_world).max()


@pytest.mark.torch
@pytest.mark.parametrize(("coordinates", "representation"), [(72, "3d"), (144, "smpl")])
def test_synsp_refines_motion_capture(coordinates, representation, captured, tmp_path):
    """With random weights: where its joints go means nothing, but the way in the world is the filter's."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from kinema.models.synsp.network import SynSP
    from kinema.models.synsp.sizes import SynSPSizes

    torch.manual_seed(0)
    net = SynSP(SynSPSizes(coordinates, 16, 16, layers=1))
    path = tmp_path / "net.safetensors"
    save_file({name: value.clone() for name, value in net.state_dict().items()}, str(path))
    refined = refine(captured, BODY, "synsp", checkpoint=path, representation=representation, window_size=8).people[0]
    assert refined.pose is None
    assert np.isfinite(refined.joints_world).all()
    filtered = refine(captured, BODY, "whittaker").people[0]
    np.testing.assert_allclose(refined.joints_world[:, 0], filtered.joints_world[:, 0], atol=1e-6)


def test_what_a_file_lacks_is_said(captured, averaging):
    with pytest.raises(UsageError, match="mixer refines keypoints3d, which person 1 does not have"):
        refine(captured, BODY, "mixer")
    with pytest.raises(UsageError, match="2d refines keypoints, which person 1 does not have; use 3d or smpl"):
        refine(captured, BODY, "smoothnet", checkpoint=averaging, representation="2d")


@pytest.mark.parametrize("command", ["refine", "stabilize", "validate", "diagnose"])
@pytest.mark.parametrize("name", FILES)
def test_the_commands_take_every_file(command, name, folder, tmp_path, capsys):
    path = file_of(name, folder)
    arguments = {
        "refine": ["--method", "whittaker", "--out", str(tmp_path / "out.pkl")],
        "stabilize": ["--out", str(tmp_path / "out.pkl")],
    }.get(command, [])
    code = main([command, str(path), *arguments])
    assert code in ((0,) if command in ("refine", "stabilize") else (0, 1)), capsys.readouterr().err
    if arguments:
        lengths = [
            (len(new), len(old)) for new, old in zip(load_motion(tmp_path / "out.pkl"), load_motion(path), strict=True)
        ]
        # The stabilizer leaves out frames at the ends that are not of the movement: made files may seem to have some.
        assert all(new == old or (command == "stabilize" and 0.6 * old < new < old) for new, old in lengths)
