"""Networks, one folder each, with everything that concerns that network alone.

    __init__.py      what it is: paper, licence, source of its weights; imports nothing
    facts.py         its published constants (sizes, joints, file names), with their source
    options.py       its inference settings
    network.py       its architecture (torch; for training, and for inference if there is no other runtime)
    onnx_run.py      inference: also `numpy_run`, `torch_run`, or named after the task if there are several
    weights.py       `ENTRIES`, its rows of the weights catalogue

A folder has those of these that it needs, next to other modules and bundled weights. Modules directly in this package
are shared by several networks.
"""

REPRESENTATIONS = ("2d", "3d", "smpl")
"""What a refiner may smooth: keypoints in the image, joints, or rotations."""
