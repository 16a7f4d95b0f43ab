"""The graph of a model file: traced, put together, and in 16-bit floats or 8-bit integers."""
