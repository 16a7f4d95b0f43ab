"""The proof of the images: an engine builds them, runs them, and brings the compose file up."""
