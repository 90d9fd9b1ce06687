"""Where the socket is."""

from __future__ import annotations

from pathlib import Path

from speakerd.service.ctl.place import SERVICE, own_socket, sockets_to_try


def test_in_the_units_folder_else_in_the_users_own():
    assert own_socket({"RUNTIME_DIRECTORY": "/run/speakerd:/run/other", "XDG_RUNTIME_DIR": "/x"}) == SERVICE
    assert own_socket({"XDG_RUNTIME_DIR": "/run/user/7"}) == Path("/run/user/7/speakerd/ctl")
    assert own_socket({}) is None


def test_a_caller_tries_its_own_daemon_and_then_the_service():
    assert sockets_to_try({"XDG_RUNTIME_DIR": "/run/user/7"}) == [Path("/run/user/7/speakerd/ctl"), SERVICE]
    assert sockets_to_try({}) == [SERVICE]
