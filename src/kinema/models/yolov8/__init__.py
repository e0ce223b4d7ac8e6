"""YOLOv8 and its successors of the same output, as person detectors: ONNX files that the user exported.

The NLF program has a YOLOv8x inside. The published weights (AGPL-3.0, Ultralytics) are not in the catalogue;
whoever has them exports them (`yolo export model=yolov8x.pt format=onnx`) and names the file (`--detector
yolov8x.onnx`).
"""
