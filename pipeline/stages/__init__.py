"""The stages: one module per kind of work, each function `async (ctx) -> Passed | Skipped | Failed | Waiting`.

Every stage may be called again after a crash: it looks what is there before it acts.
"""
