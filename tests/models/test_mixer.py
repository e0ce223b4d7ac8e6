"""The mixer of frames and joints."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.models.mixer.network import MixerRefiner, MixerSizes  # noqa: E402
from kinema.models.refiner import load_refiner  # noqa: E402
from kinema.models.smoothnet.datasets import RefinerClips  # noqa: E402
from kinema.training.refiner import RefinerTraining, train_refiner  # noqa: E402
from kinema.training.refiner_sources import ClipSource  # noqa: E402

pytestmark = pytest.mark.torch


def test_it_starts_as_the_identity():
    torch.manual_seed(0)
    net = MixerRefiner(MixerSizes(12, window=8)).eval()
    windows = torch.randn(3, 8, 12)
    np.testing.assert_array_equal(net(windows).detach(), windows)


def test_every_answer_can_depend_on_every_frame_and_joint():
    torch.manual_seed(1)
    net = MixerRefiner(MixerSizes(6, window=8, width=16, blocks=1)).eval()
    torch.nn.init.normal_(net.correction.weight)
    windows = torch.randn(1, 8, 6, requires_grad=True)
    net(windows)[0, 4, 2].backward()
    assert (windows.grad[0].abs() > 0).all()


def clips(rng: np.random.Generator, count: int) -> RefinerClips:
    """Two joints on one forearm: the second is seen at half its distance from the first, and both jitter."""
    truth = [np.cumsum(rng.normal(size=(60, 1)), 0) * 0.02 * np.array([1.0, 0, 0, 2.0, 0, 0]) for _ in range(count)]
    seen = [t * [1, 1, 1, 0.5, 1, 1] + rng.normal(size=t.shape) * 0.01 for t in truth]
    return RefinerClips("arm", "3d", tuple(map(str, range(count))), tuple(seen), tuple(truth), None, 1000.0)


def test_it_learns_what_no_filter_can(tmp_path):
    """A joint that is always seen too close is corrected, and the exported file gives the same output."""
    rng = np.random.default_rng(2)
    options = RefinerTraining.published(
        "mixer", "arm", "3d", window=8, width=32, blocks=1, epochs=8, batch=64, learning_rate=3e-3, dropout=0.0
    )
    held = clips(rng, 6)
    about = train_refiner([ClipSource(clips(rng, 40))], held, options, tmp_path, say=lambda line: None)
    kept = about["kept"]
    # The second joint is off by half its distance; a filter leaves that as it is.
    assert kept["position"] < 0.5 * kept["input_position"]
    assert kept["acceleration"] < 0.6 * kept["input_acceleration"]
    loaded = load_refiner(tmp_path / "refiner.onnx")
    assert (loaded.kind, loaded.window, loaded.coordinates) == ("mixer", 8, 6)
    net = MixerRefiner(MixerSizes(6, 8, 32, 1)).eval()
    from safetensors.torch import load_file

    net.load_state_dict(load_file(str(tmp_path / "refiner.safetensors")))
    windows = rng.normal(size=(5, 8, 6)).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(windows)).numpy()
    # Weights are stored in half precision in the ONNX file: 1e-3 of values around 1.
    np.testing.assert_allclose(loaded.run(windows), expected, atol=5e-3)
