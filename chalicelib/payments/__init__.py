r"""Payments: money from a payer to a payee, at once or in two steps.

    create, automatic ----------------------------------> captured
    create, manual --> authorized --capture, the rest or final--> captured
                           |   \--capture, a part--> partially_captured --capture / cancel--> captured
                           |--cancel--> canceled
                           \--at capture_before--> expired (captured, where a part was)
    create, without funds or frozen --> declined

A refund changes no status: it is an object of its own.
"""
