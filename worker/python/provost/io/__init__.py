"""The connection: what runs in its own thread, beside the caller's."""
