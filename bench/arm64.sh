#!/bin/sh
# Try the installation on 64-bit ARM, by emulation:  sudo bench/arm64.sh [bookworm|trixie]
# What it told, and what emulation cannot tell, stands in docs/tested.md. About half an hour; leaves nothing but the
# cached bare Debian of ../shared/rig/fresh-machine.sh, which it uses, with the recordings beside it. Needs
# qemu-user-static, debootstrap, and .venv (script/setup) for this machine's own figures.
# ARM64_CPU=cortex-a53|cortex-a72|cortex-a76 is the processor: that of a Raspberry Pi 3, 4 (if left out) or 5.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
suite=${1:-bookworm}
cpu=${ARM64_CPU:-cortex-a72}
shared=$root/../shared
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

git ls-files -z | xargs -0 cp --parents -t "$work"
for folder in wake/alexa wake/hey_jarvis wake/hey_mycroft wake/okay_nabu music speech commands; do
    mkdir -p "$work/recordings/$folder"
    find "$shared/audio/$folder" -type f | sort | head -6 | xargs cp -t "$work/recordings/$folder"
done
PYTHONPATH=. .venv/bin/python bench/machines.py run "$work/here.npz" "$work/recordings"

# The emulator shows this machine's /proc/cpuinfo, and libraries that look there for an ARM processor crash.
for core in 0 1 2 3; do
    printf 'processor\t: %s\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU implementer\t: 0x41\n' "$core"
    printf 'CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n'
done >"$work/cpuinfo"

cat >"$work/speech.py" <<'EOF'
from speakerd.server.ears import Ears
from speakerd.server.voice import Voice
print(Ears().transcribe(Voice("slt").synthesise("What is the weather in Berlin today?", 16_000), 16_000))
EOF
cat >"$work/steps" <<'EOF'
set -u
step() { # description, command...
    printf '\n== %s\n' "$1"
    shift
    began=$(date +%s)
    "$@"
    printf '== status %s after %s s\n' $? $(($(date +%s) - began))
}
changed() { find / -xdev -newer /src/began \( -type f -o -type l \) ! -path '/src/*' ! -path '/tmp/*' ! -path '/var/*' | sort; }
mount --bind /src/cpuinfo /proc/cpuinfo
step 'Debian packages that every Raspberry Pi has' sh -c \
    '{ apt-get update && apt-get install -y --no-install-recommends systemd procps; } >/run/apt.log 2>&1'
step 'Debian packages that script/install adds' sh -c "apt-get install -y --no-install-recommends \
    $(sed -n '/^debian_packages=/,/"$/{s/.*="//;s/"//;p}' script/install | xargs) >>/run/apt.log 2>&1"
touch /src/began; sleep 1
step 'script/install' script/install
bin=$(readlink -f /opt/speakerd/bin)
du -sm /opt/speakerd
step 'script/install, again' script/install
step 'speakerd --version' speakerd --version
step 'speakerd setup' speakerd setup --embedded --no-listen --no-doctor --no-start
step 'speakerd check' speakerd check --config /etc/speakerd/speakerd.yaml
step 'speakerd devices' speakerd devices
step 'speakerd doctor --quick' speakerd doctor --quick
step 'speakerd listen' speakerd listen recordings/wake/hey_jarvis/*
step 'ears and voice of the embedded server' "$bin/python" speech.py
step 'figures' env PYTHONPATH=. "$bin/python" bench/machines.py run there.npz recordings
step 'figures, compared' env PYTHONPATH=. "$bin/python" bench/machines.py compare here.npz there.npz
step 'script/uninstall --purge' script/uninstall --purge
echo 'left behind:'
changed
EOF
echo "emulated: $suite, $cpu"
QEMU_CPU=$cpu "$shared/rig/fresh-machine.sh" make "$suite" arm64
"$shared/rig/fresh-machine.sh" run "$suite" arm64 "$work" -- "QEMU_CPU=$cpu sh ./steps"
