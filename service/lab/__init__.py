"""Measuring models off line."""
