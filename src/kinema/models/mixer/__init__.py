"""The mixer: Kinema's own refiner of 33 3D landmarks, all joints over a second together.

An MLP-Mixer (Tolstikhin et al., "MLP-Mixer", NeurIPS 2021) around a shortcut, trained on what the default networks
answer on rendered people (docs/refinement.md, `tools/train_refiner.py`). Its weights ship in this folder, under
Apache-2.0 as Kinema itself.
"""
