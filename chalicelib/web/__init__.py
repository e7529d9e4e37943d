"""From a gateway's event to an operation and back: the only room that knows API Gateway events."""
