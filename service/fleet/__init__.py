"""Which models are loaded, and how each is laid out over the cores."""
