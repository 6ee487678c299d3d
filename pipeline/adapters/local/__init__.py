"""The product as processes of this machine."""
