"""A process: which fronts, start-up, drain, the bounds of HTTP/1.1, the page's mount."""
