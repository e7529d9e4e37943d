"""What the style says, as tests: each law names its replacement, and each is shown to fail on a planted violation."""
