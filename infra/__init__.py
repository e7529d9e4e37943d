"""Definitions of what surrounds the functions, and the code that applies them to AWS or to this machine."""
