"""The HTTP fronts: each module one way in, all over the same classifier."""
