"""Our gateway beside others that a developer could run instead: `make bench-gateway`."""
