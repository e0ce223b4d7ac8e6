"""The pose networks of HRNet's authors, which the user downloads from them."""

from __future__ import annotations

from kinema.weights.entry import COCO_AND_IMAGENET, Entry, Licence

HRNET = Licence(
    key="hrnet",
    name="MIT (Microsoft); training data unclear",
    url="https://github.com/leoxiaobin/deep-high-resolution-net.pytorch/blob/master/LICENSE",
    summary="published under MIT; some of the images that it was trained on are for non-commercial research",
    unclear=True,
)


def _checkpoint(width: int, size: str) -> Entry:
    file = f"pose_hrnet_w{width}_{size}.pth"
    return Entry(
        name=f"hrnet-w{width}",
        group="hrnet",
        file=file,
        what=f"HRNet-W{width}: 17 body keypoints, crops of {size}",
        licence=HRNET,
        data=COCO_AND_IMAGENET,
        instructions=(
            f"download {file} from the model zoo (pose_coco) of"
            " https://github.com/leoxiaobin/deep-high-resolution-net.pytorch"
        ),
        holds=("conv1.weight", "stage4.2.fuse_layers.0.3.0.weight", "final_layer.weight"),
    )


ENTRIES = (_checkpoint(32, "256x192"), _checkpoint(48, "384x288"))
