"""Scores of the `openwakeword` package, for test_wake_referee. Run by the Python of .venv-referee, not by ours.

    python referee_openwakeword.py MODELS_FOLDER WORK_FOLDER WORD...

For each WORK_FOLDER/NAME.sound.npy (int16, 16 kHz) writes NAME.scores.npy: one row a step of 80 ms,
one column a word. WORK_FOLDER/start.npy, where it is there, replaces the random embeddings that
openwakeword starts with; nothing else of it is touched.
"""

import sys
from pathlib import Path

import numpy as np
from openwakeword.model import Model

STEP = 1280


def main() -> None:
    models, work, words = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    start = work / "start.npy"
    for path in sorted(work.glob("*.sound.npy")):
        model = Model(
            wakeword_models=[str(models / f"{word}.tflite") for word in words],
            inference_framework="tflite",
            melspec_model_path=str(models / "melspectrogram.tflite"),
            embedding_model_path=str(models / "embedding_model.tflite"),
        )
        if start.exists():
            model.preprocessor.feature_buffer = np.load(start)
        sound = np.load(path)
        steps = [model.predict(sound[i : i + STEP]) for i in range(0, len(sound) - STEP + 1, STEP)]
        scores = np.array([[step[word] for word in words] for step in steps])
        np.save(work / path.name.replace(".sound.", ".scores."), scores)


if __name__ == "__main__":
    main()
