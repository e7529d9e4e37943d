"""Projections: what the tables' streams are turned into, behind the caller's back and never in its way.

    balance changed ---> line (of the account's statement: amount, running balance, the commit that made it)
    commit made -------> history (of each object it changed) and event (the tenant's, in time order)

Records come at least once, in order for each item, and those of one commit apart from each other. Every write here
is therefore conditional on not being there yet, and nothing waits for another item's record.
"""
