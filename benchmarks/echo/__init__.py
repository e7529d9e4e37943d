"""The function of the gateway's benchmark."""
