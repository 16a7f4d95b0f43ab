"""What HTTP needs, whatever the front."""
