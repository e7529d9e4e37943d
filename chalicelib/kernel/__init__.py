"""Values every room shares: no I/O, no HTTP, no AWS."""
