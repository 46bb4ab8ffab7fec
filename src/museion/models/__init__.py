"""Encoders and other trained models behind small protocols, run on ONNX Runtime; usable alone."""
