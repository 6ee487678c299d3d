"""End to end: what a person sees, after a charge has gone all the way through."""
