"""Lambda's control plane, and the schedules of EventBridge: functions from zips, and what starts them.

What was deployed runs from its unpacked zip, never from the source tree, and is there again after a restart.
"""
