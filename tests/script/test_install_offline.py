"""`script/install` and `script/uninstall` where systemd does not run: an image that is being made, or a container.

For real, in a mount namespace whose writes go to memory and can be listed; the build alone is played.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NAMESPACE = r"""
set -eu
cd /
mount -t tmpfs tmpfs /run
for folder in etc opt usr/local var/lib var/cache; do
    mkdir -p "/run/new/$folder" "/run/scratch/$folder"
    mount -t overlay overlay -o "lowerdir=/$folder,upperdir=/run/new/$folder,workdir=/run/scratch/$folder" "/$folder"
done
files() { find /run/new -type f -o -type l | sort; }
"""

PLAYED_BUILD = r"""
! "$root/script/install" 2>/run/told # without packages it stops in the build, whose folder it names
built=$(sed -n 's/.*building speakerd .* in \(.*\)/\1/p' /run/told)
rm -rf "$built"
mkdir -p "$built/bin" "$built/files"
printf '#!/bin/sh\n' >"$built/bin/speakerd"
chmod +x "$built/bin/speakerd"
cp "$root"/systemd/* "$root/config/speakerd.yaml" "$built/files/"
cp "$root/completion/speakerd.bash" "$built/files/completion.bash"
cp "$root/completion/_speakerd" "$built/files/completion.zsh"
touch "$built/finished"
"""


def why_not() -> str:
    """What is missing for these tests; "" if nothing is."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "systemctl", "journalctl", "dpkg-query"))):
        return "needs root, and systemd's programs"
    names = (ROOT / "script" / "install").read_text().split('debian_packages="')[1].split('"')[0].split()
    query = ("dpkg-query", "--show", "--showformat=${db:Status-Status}\n", *names)
    done = subprocess.run(query, check=False, capture_output=True, text=True)
    if done.stdout.split() != ["installed"] * len(names):
        return "needs the Debian packages that script/install installs"
    return "needs the right to mount overlays" if inside("").returncode else ""


def inside(commands: str) -> subprocess.CompletedProcess[str]:
    """Run shell commands where no systemd runs; `$root` is the checkout, `files` lists what is new on the machine."""
    return subprocess.run(
        ("unshare", "--mount", "--propagation", "private", "sh", "-c", NAMESPACE + commands),
        env=os.environ | {"PIP_NO_INDEX": "1", "root": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip


def test_it_installs_enables_and_purges_without_a_running_systemd() -> None:
    if reason := why_not():
        pytest.skip(reason)
    done = inside(
        PLAYED_BUILD
        + r"""
        "$root/script/install"
        systemctl enable --quiet speakerd
        "$root/script/install" # again, as for an update
        mkdir -p /etc/credstore /etc/systemd/system/speakerd-relay.socket.d # as docs/relay.md says
        for name in openai-api-key relay-certificate relay-private-key relay-redis-password; do
            echo secret >"/etc/credstore/$name"
        done
        echo '[Socket]' >/etc/systemd/system/speakerd-relay.socket.d/override.conf
        echo "== installed"; files
        "$root/script/uninstall" --purge
        echo "== purged"; files"""
    )
    assert done.returncode == 0, done.stderr
    installed, purged = done.stdout.split("== installed\n")[1].split("== purged\n")
    for path in ("/usr/local/bin/speakerd", "/etc/systemd/system/multi-user.target.wants/speakerd.service"):
        assert f"/run/new{path}\n" in installed
    assert "it starts at the next boot" in done.stderr
    assert "could not" not in done.stderr
    assert [path for path in purged.splitlines() if not path.endswith("catalog/database")] == []


def test_however_it_is_called_and_whatever_the_checkout_is_named() -> None:
    if reason := why_not():
        pytest.skip(reason)
    done = inside(
        r"""
        cp -R "$root" "/run/mein Klön 'x'"
        root="/run/mein Klön 'x'"
        touch "$root/speakerd/that's a copy.py"
        """
        + PLAYED_BUILD
        + r"""
        "$root/script/install"
        cd "$root/script" && sh install
        files"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("is installed. Now: sudo speakerd setup") == 2, done.stderr
    assert "/run/new/usr/local/bin/speakerd\n" in done.stdout
    assert "quote" not in done.stderr


PLAYED_SYSTEMD = r"""
mkdir -p /run/systemd/system
cp -R "$built" /opt/speakerd/versions/old
ln -sfn versions/old/bin /opt/speakerd/bin
cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in
--version) echo systemd 252 ;;
show*) echo 0 ;;
restart*)
    case $(readlink -f /opt/speakerd/bin) in
    */old/bin) echo "the old one runs" ;;
    *) kill -s HUP -- "-$(cat /run/group)" && sleep 0.2 && exit 1 ;;
    esac ;;
esac
END
chmod +x /usr/local/sbin/systemctl
"""
"""A service that runs an older version; the newer does not become ready, and meanwhile the connection is lost."""


def test_an_update_is_taken_back_though_its_terminal_is_gone() -> None:
    if reason := why_not():
        pytest.skip(reason)
    done = inside(
        PLAYED_BUILD
        + PLAYED_SYSTEMD
        + r"""
        ! setsid --wait sh -c 'echo $$ >/run/group; exec "$root/script/install" 2>/dev/full'
        sleep 1
        readlink -f /opt/speakerd/bin"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-3:] == ["the old one runs", "/opt/speakerd/versions/old/bin", ""]
