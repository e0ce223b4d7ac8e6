"""STCN: the masks of objects in a video, propagated from one frame to all others, in torch.

Cheng, Tai, Tang, "Rethinking space-time networks with improved memory coverage for efficient video object
segmentation", NeurIPS 2021. The published checkpoint is its authors' `stcn.pth`.
"""
