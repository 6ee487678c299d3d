"""How much differs between two commits, as git counts it.

Not an adapter itself: what pipeline/adapters/git.py is built from.
"""

from pipeline.ports import Extent


def counted(numstat: str) -> Extent:
    """Read `git diff-tree --numstat -z`: added, removed and path of each file; "-" where it is binary."""
    rows = [row.split("\t", 2) for row in numstat.split("\0") if row.count("\t") >= 2]
    return Extent(
        tuple(path for _, _, path in rows),
        sum(int(added) for added, _, _ in rows if added.isdecimal()),
        sum(int(removed) for _, removed, _ in rows if removed.isdecimal()),
    )
