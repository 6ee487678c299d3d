"""Two demos that start at the same moment."""

import socket

from bot.demo.house import free_ports


def test_each_demo_has_ports_of_its_own_and_may_open_them() -> None:
    with free_ports(5) as one, free_ports(5) as other:
        assert not set(range(one, one + 5)) & set(range(other, other + 5))
        for port in (one, one + 4, other, other + 4):
            socket.create_server(("127.0.0.1", port)).close()
