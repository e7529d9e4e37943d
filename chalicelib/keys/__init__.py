"""The keys that sign access tokens: which one signs, which one will, which one did, and what is published of them.

    standby --due, and published for an hour--> signs --its successor does--> replaced --last token expired--> gone
       ^                                                                                                        |
    made by `make deploy`, published at once                                              deleted after 30 days-'

Three aliases in KMS say which key is where, and tags of the keys since when; nothing else is remembered. An alias is
moved, never made or deleted here: one that names the key that signs stands for "none". So a run may be cut off between
any two calls, and two at once do the same thing twice. This room never makes a key and cannot sign (L3).
"""
