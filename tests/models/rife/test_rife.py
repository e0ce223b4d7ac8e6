"""RIFE 4.18 against the recorded outputs of its authors' code, and its checkpoint's reading."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.weights import hub
from tests.helpers.goldens import cases, recording, seeded_tensors

torch = pytest.importorskip("torch")

from kinema.models.rife.facts import MULTIPLE  # noqa: E402
from kinema.models.rife.fast.network import fast_network  # noqa: E402
from kinema.models.rife.network import RIFE, warp  # noqa: E402
from kinema.models.rife.torch_run import LARGE, FrameInterpolator  # noqa: E402

pytestmark = pytest.mark.torch

FILE, MANIFEST = "rife/golden.npz", "rife/manifest.json"

TOLERANCE = 1e-4
"""That the recording states; sums are in another order."""

WHEN_AND_SCALE = {"mid": (0.5, 1.0), "quarter": (0.25, 1.0), "half_scale": (0.5, 0.5)}


def as_torch(tensors) -> dict:
    return {key: torch.from_numpy(np.asarray(value)) for key, value in tensors.items()}


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


@pytest.fixture(scope="module")
def net() -> RIFE:
    return RIFE.from_tensors(as_torch(seeded_tensors(MANIFEST)))


def pair(golden, scale: float = 1.0) -> tuple:
    """The recording's two pictures, padded to the right and below."""
    pictures = torch.from_numpy(golden["images_u8"]).float() / 255
    height, width = pictures.shape[2:]
    multiple = round(MULTIPLE / scale)
    return torch.nn.functional.pad(pictures, (0, -width % multiple, 0, -height % multiple)).split(1)


@pytest.mark.golden
def test_features_and_every_block(golden, net):
    first, second = pair(golden)
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, out, name=name: seen.__setitem__(name, out))
        for name, module in net.named_children()
        if name.startswith("block")
    ]
    with torch.inference_mode():
        np.testing.assert_allclose(net.encode(first)[:, :, ::2, ::2], golden["head"], atol=TOLERANCE)
        net(first, second)
    for hook in hooks:
        hook.remove()
    numbers = cases(golden, r"flow(\d+)")
    assert len(numbers) == len(hooks)
    for number in numbers:
        step, mask = seen[f"block{number}"]
        np.testing.assert_allclose(step[..., ::4, ::4], golden[f"flow{number}"], atol=TOLERANCE)
        np.testing.assert_allclose(mask[..., ::4, ::4], golden[f"mask{number}"], atol=TOLERANCE)


@pytest.mark.golden
@pytest.mark.parametrize("name", WHEN_AND_SCALE)
def test_the_frame_between(golden, net, name):
    when, scale = WHEN_AND_SCALE[name]
    first, second = pair(golden, scale)
    both = torch.cat([first, second])
    with torch.inference_mode():
        found = net(first, second, when, scale).numpy()
        fast = fast_network(copy.deepcopy(net), "cpu", both, threads=1)(both, when, scale).numpy()
    np.testing.assert_allclose(fast, found, atol=TOLERANCE)
    step = found.shape[3] // golden[name].shape[3]
    np.testing.assert_allclose(found[..., ::step, ::step], golden[name], atol=TOLERANCE)


@pytest.mark.golden
def test_warping(golden):
    flow = golden["warp_flow"]
    height, width = flow.shape[2:]
    found = warp(pair(golden)[0][..., :height, :width].contiguous(), torch.from_numpy(flow))
    np.testing.assert_allclose(found, golden["warp_out"], atol=TOLERANCE)


@pytest.mark.golden
def test_from_a_checkpoint_file_and_pictures(golden, tmp_path):
    """Grey levels are rounded: half of one, and the tolerance."""
    path = tmp_path / "flownet.pkl"
    torch.save(as_torch(seeded_tensors(MANIFEST)), path)
    between = FrameInterpolator(path, threads=1)
    first, second = (np.ascontiguousarray(each.transpose(1, 2, 0)) for each in golden["images_u8"])
    found = between(first, second)
    assert found.shape == first.shape
    assert found.dtype == np.uint8
    recorded = golden["mid_u16"] / 65535
    step = -(-first.shape[0] // recorded.shape[0])
    np.testing.assert_allclose(found[::step, ::step] / 255, recorded, atol=0.5 / 255 + TOLERANCE)
    quarter = golden["quarter"][0].transpose(1, 2, 0)
    step = -(-first.shape[1] // quarter.shape[1])
    part = between(first, second, 0.25)[::step, ::step] / 255
    np.testing.assert_allclose(part, quarter[: part.shape[0], : part.shape[1]], atol=0.5 / 255 + TOLERANCE)


def random_tensors(scale: float = 0.0) -> dict:
    """A network that sees no motion (0), or something (above)."""
    rng = np.random.default_rng(0)
    shapes = {key: tuple(value.shape) for key, value in RIFE().state_dict().items()}
    return as_torch({f"module.{key}": (scale * rng.normal(size=s)).astype("f4") for key, s in shapes.items()})


def test_without_motion_the_two_are_averaged_at_any_size(tmp_path):
    """Odd sizes are padded and cut again; above `LARGE` the flow is sought at half the size. Within a level."""
    path = tmp_path / "still.pkl"
    torch.save(random_tensors(), path)
    between = FrameInterpolator(path, threads=1)
    rng = np.random.default_rng(1)
    for height, width in ((1, 1), (37, 61), (33, LARGE + 3)):
        first, second = rng.integers(0, 256, (2, height, width, 3)).astype(np.uint8)
        expected = (first.astype(float) + second) / 2
        assert np.abs(between(first, second) - expected).max() <= 1


def test_training_leftovers_are_ignored_and_gaps_are_not():
    tensors = random_tensors(0.1)
    more = {"teacher.weight": torch.ones(2), "module.teacher.block.weight": torch.ones(3)}
    RIFE.from_tensors({**tensors, **more})
    RIFE.from_tensors({key.removeprefix("module."): value for key, value in tensors.items()})
    name = "module.block2.convblock.3.beta"
    with pytest.raises(InputError, match=r"flownet.pkl is not a RIFE 4.18 checkpoint: 'block2.convblock.3.beta' is mi"):
        RIFE.from_tensors({key: value for key, value in tensors.items() if key != name}, "flownet.pkl")
    with pytest.raises(InputError, match=r"has shape \(1, 64, 1, 1\), expected \(1, 96, 1, 1\)"):
        RIFE.from_tensors({**tensors, name: torch.ones(1, 64, 1, 1)})
    with pytest.raises(InputError, match="not finite"):
        RIFE.from_tensors({**tensors, name: torch.full((1, 96, 1, 1), torch.nan)})


def test_the_checkpoint_is_added_by_its_tensors(tmp_path, monkeypatch):
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path / "cache"))
    path, wrong = tmp_path / "flownet.pkl", tmp_path / "other.pkl"
    torch.save(random_tensors(), path)
    torch.save({"module.block0.weight": torch.ones(2)}, wrong)
    with pytest.raises(InputError, match=r"is not rife: it lacks module\.encode\.cnn0\.weight"):
        hub.add("rife", wrong)
    (added,) = hub.add("rife", path)
    assert hub.locate("rife").path == added.path
    FrameInterpolator(added.path, threads=1)


def test_a_translating_picture(tmp_path):
    """A network whose last block says "6 to the right, 4 up in all": both warps then show the picture half of the way.

    Where the picture's edge is not in sight, the middle is exact; sampling rounds to a level.
    """
    tensors = random_tensors()
    bias = np.zeros((6, 4), np.float32)
    bias[:4] = np.array([-3, 2, 3, -2])[:, None]
    tensors["module.block3.lastconv.0.bias"] = torch.from_numpy(bias.reshape(-1))
    path = tmp_path / "moving.pkl"
    torch.save(tensors, path)
    scene = np.random.default_rng(2).integers(0, 256, (80, 100, 3)).astype(np.uint8)
    first, middle, second = (
        scene[10 + up : 70 + up, 10 - right : 90 - right] for right, up in ((0, 0), (3, 2), (6, 4))
    )
    found = FrameInterpolator(path, threads=1)(first, second).astype(int)
    inside = slice(6, -6), slice(8, -8)
    assert np.abs(found[inside] - middle[inside]).max() <= 1
    assert np.abs(found[inside] - first[inside]).mean() > 30
