"""What can run a network: each module one library, all behind the same few methods."""
