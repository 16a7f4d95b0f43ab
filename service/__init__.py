"""The running service: photographs in, labels out."""
