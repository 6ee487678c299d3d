"""Who listens and who is connected on this machine, as far as it tells."""

import socket
from collections.abc import Callable
from contextlib import suppress

import psutil


def port_owner(port: int) -> str | None:
    """Who listens on a port, as far as this machine tells (`nginx, process 17`); None when nobody does."""
    with socket.socket() as probe, suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return None
    for connection in _connections():
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            return _describe(connection.pid)
    return "an unknown process"


def _describe(pid: int | None) -> str:
    try:
        return f"{psutil.Process(pid).name()}, process {pid}" if pid else "a process of another user"
    except psutil.Error:
        return f"process {pid}"


def _connections() -> list["psutil._ntuples.sconn"]:
    try:
        return psutil.net_connections("tcp")
    except psutil.Error:
        return []


def established(pids: list[int], port: int) -> int:
    """How many connections to `port` these processes hold; 0 also when this machine does not tell."""
    return _count(pids, lambda c: c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port)


def listens(pids: list[int], port: int) -> bool:
    """Whether one of these processes listens on `port`."""
    return bool(_count(pids, lambda c: c.status == psutil.CONN_LISTEN and c.laddr.port == port))


def _count(pids: list[int], wanted: Callable[["psutil._ntuples.pconn"], bool]) -> int:
    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            connections = psutil.Process(pid).net_connections("tcp")
            total += sum(1 for connection in connections if connection.laddr and wanted(connection))
    return total
