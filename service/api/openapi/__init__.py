"""How the routes stand in ``/openapi.json``: a module for each front, and what they share."""
