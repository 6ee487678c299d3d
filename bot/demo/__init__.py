"""The demo: a product, its history, and everything around it on this machine."""
