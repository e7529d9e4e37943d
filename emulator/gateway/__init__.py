"""The gateway: a request walks the steps of `chain.py`, each step one small file."""
