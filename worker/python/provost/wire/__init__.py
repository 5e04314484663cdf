"""What travels: wire/PROTOCOL.md in Python."""
