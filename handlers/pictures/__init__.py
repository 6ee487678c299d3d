"""Pictures of plain data, drawn by a process of their own: `python -m handlers.pictures KIND` turns JSON into a PNG."""
