class ClientError(Exception):
    """What the client refuses before it asks anybody."""
