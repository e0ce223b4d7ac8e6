"""Mask R-CNN with a ResNet-50 and a feature pyramid: the people in an image, each with a mask, in torch.

He et al., "Mask R-CNN", ICCV 2017; Lin et al., "Feature pyramid networks for object detection", CVPR 2017. The
published checkpoint is torchvision's (COCO_V1).
"""
