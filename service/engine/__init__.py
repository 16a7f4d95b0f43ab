"""The heart: photographs in, answers out. It knows no HTTP."""
