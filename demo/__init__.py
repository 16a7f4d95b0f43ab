"""The page: a photograph in, five labels out; it knows the service by its HTTP API alone."""
