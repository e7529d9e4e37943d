"""Accounts: who holds money, in which currency, and what may be done with it.

    open --freeze--> frozen --unfreeze--> open

An account is two kinds of items: `account` (settings, metadata, `version` = ETag) and `balance` (what
postings move, one item per slice). A freeze changes both in one commit, so that the very next posting sees it.
"""
