"""The bare loop of the `openwakeword` package, for bench/idle.py. Run by the Python of .venv-bench.

    python loop_openwakeword.py SOUND.npy WORDS [--paced]

Feeds the sound (int16, 16 kHz) in steps of 80 ms to openwakeword on onnxruntime, as its own examples do;
paced: one step every 80 ms of real time, until killed. Prints `ready` when loaded, then a JSON line.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import openwakeword
from openwakeword.model import Model

STEP = 1280


def main() -> None:
    sound, words = np.load(sys.argv[1]), int(sys.argv[2])
    names = ["hey_jarvis", "alexa", "hey_mycroft", "weather"][:words]
    model = Model(wakeword_model_paths=[openwakeword.models[name]["model_path"] for name in names])
    print("ready", flush=True)
    cpu = time.process_time()
    if "--paced" in sys.argv:
        due = time.monotonic()
        while True:
            for i in range(0, len(sound) - STEP + 1, STEP):
                model.predict(sound[i : i + STEP])
                due += 0.08
                time.sleep(max(0.0, due - time.monotonic()))
    for i in range(0, len(sound) - STEP + 1, STEP):
        model.predict(sound[i : i + STEP])
    used = (time.process_time() - cpu) / (len(sound) / 16_000)
    status = Path("/proc/self/status").read_text().splitlines()
    rss_kib = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    print(json.dumps({"cpu_s_per_s": used, "rss_mb": rss_kib * 1024 / 1e6}))


if __name__ == "__main__":
    main()
