r"""Transfers: money from one account to another of the same ledger, at once, in two steps, or on a date.

    create --> posted --reverse--> posted, and a new transfer back
    create, hold --> held --post, all or a part--> posted
                       |--void--> voided
                       \--at expires_at--> expired
    create, scheduled_for --> scheduled --at its time--> posted, or declined
                                  \--void--> canceled
    create, without funds or frozen --> declined
    batch of up to 33 --> all of them posted, or none made

Money enters and leaves the ledger only by transfers from and to an external account.
"""
