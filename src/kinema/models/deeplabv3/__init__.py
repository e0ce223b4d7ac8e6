"""DeepLabV3 with a ResNet-101: which pixels of an image are people, in torch.

Chen et al., "Rethinking atrous convolution for semantic image segmentation", 2017. The published checkpoint is
torchvision's (COCO's images with Pascal VOC's 21 classes).
"""
