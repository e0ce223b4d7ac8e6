"""Safe reading and atomic writing: readers of pickle, npz, torch and safetensors files from untrusted sources, and
atomic file writes. Independent of motion data.
"""
