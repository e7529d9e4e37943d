"""Transfers: money from one account to another of the same ledger, at once.

    create --> posted
    create, without funds or frozen --> declined

Money enters and leaves the ledger only by transfers from and to an external account.
"""
