"""The files in which people keep labels, each format in a module of its own."""
