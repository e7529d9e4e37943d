"""Access tokens for registered clients: OAuth 2.0 client credentials (RFC 6749), JWT by RFC 9068, signed by KMS.

    form + credentials -> who is asking (client.py) -> which scopes (scopes.py) -> claims -> signature -> 200
           |                     |                            |
    invalid_request        invalid_client              invalid_scope

Discovery and keys are static documents on the issuer's own host; this room only issues.
"""
