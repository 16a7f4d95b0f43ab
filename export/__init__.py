"""Weights into one proven ONNX file."""
