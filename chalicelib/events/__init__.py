"""Events: everything that happened in a tenant, in the order in which it became known.

Nothing younger than ten seconds is shown. A reader that pages forwards with `ending_before` from the last event it saw
therefore meets each event once and misses none, however many functions write them and however their clocks differ.
"""
