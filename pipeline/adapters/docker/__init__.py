"""The product in containers of one Docker engine: the target, the builder and the runner."""
