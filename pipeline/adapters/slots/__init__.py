"""What every target with two slots has in common: its operations, its state and its router."""
