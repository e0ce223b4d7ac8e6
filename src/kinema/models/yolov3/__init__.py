"""YOLOv3: an object detector (Redmon and Farhadi 2018)."""
