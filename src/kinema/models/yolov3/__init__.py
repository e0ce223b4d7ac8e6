"""YOLOv3 and YOLOv3-SPP: object detectors that read Darknet's `.weights`, in torch.

Redmon and Farhadi, "YOLOv3: An incremental improvement", 2018. Code and weights are in the public domain (the "YOLO
licence"); they are trained on COCO.
"""
