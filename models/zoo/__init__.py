"""The model files that ship with Booth."""
