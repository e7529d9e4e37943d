"""The test clock: a sandbox tenant moves its own time forward, so that expiry and schedules can be tried in a moment.

    at real time --advance--> ahead --advance--> further ahead

It never goes back, and a live tenant has none. What is due is found by the sweepers at their next run.
"""
