"""The mixer: Kinema's own refiner of 33 3D landmarks, all joints over a second together.

An MLP-Mixer (Tolstikhin et al., "MLP-Mixer", NeurIPS 2021) with a shortcut, trained on the default networks' output for
rendered people (docs/refinement.md, `tools/train_refiner.py`). Its weights ship in this folder, under Apache-2.0 like
Kinema itself.
"""
