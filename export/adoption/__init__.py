"""Adoption: an ONNX classifier that another program made becomes a model file. Needs no torch."""
