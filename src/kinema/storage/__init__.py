"""Bytes from strangers and files that appear whole: safe readers of pickle, npz, torch and safetensors files, and
atomic writing. Knows nothing of motion.
"""
