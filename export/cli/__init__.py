"""The commands that make model files, one a file; all but ``booth adopt`` need torch."""
