"""Refunds: money back from a payment's payee to its payer, at most what was captured.

create --> succeeded
create, payee without funds or frozen --> declined
"""
