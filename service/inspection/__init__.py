"""Looking into a network beside serving: one heavy computation at a time, in another process."""
