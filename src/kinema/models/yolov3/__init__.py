"""YOLOv3: an object detector, of which Kinema has only the post-processing, for parity with PARE's demo.

Redmon and Farhadi, "YOLOv3: An incremental improvement", 2018. No network and no weights.
"""
