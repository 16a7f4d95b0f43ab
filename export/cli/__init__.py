"""The commands that need torch, one a file: ``booth export``, ``pull``, ``train``, ``verify``."""
