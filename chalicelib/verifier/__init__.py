"""The verifier: recomputes everything from the commits and says what does not agree.

    stored items --read first--\
    commits ------read second----> compare --> breaks, each with its ids
    lines --------read last-----/

A live ledger is never still, so what is compared is what the commits say of the version, or of the sequence, that an
item had when it was read. What projections still owe (younger than the watermark) is not a break. `rebuild` writes what
the commits say into empty tables; the verifier is then content with them.
"""
