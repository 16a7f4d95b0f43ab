"""Published weights brought here: from their publisher, a package, or a mirror of one's own."""
