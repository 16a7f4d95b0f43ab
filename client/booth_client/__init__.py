"""Booth over HTTP, from the caller's side."""
