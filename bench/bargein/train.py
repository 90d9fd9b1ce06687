"""Train the network of `speakerd.mic.doubletalk` with JAX. One seed takes some minutes on one core."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from speakerd.mic.doubletalk import BANDS

Weights = dict[str, jax.Array]

INPUT, WIDTH = 48, 64
SPAN = 400
"""Frames of a training sequence: 8 s."""
FORGOTTEN = 25
"""Its first half second is not counted: the state starts empty."""
BATCH = 48
STEPS = 2200
MORE_STEPS, MORE_RATE = 1000, 1.5e-3
MINED_AT = (0.35, 0.7)
"""Shares of the training after which the worst sequences are looked for and shown oftener."""
RATE = 2e-3
NEGATIVE_WEIGHT = 3.0
ONSET_WEIGHT, ONSET_FRAMES = 2.0, 20
"""The first 400 ms of what is said count double: an interruption is to be heard quickly."""
JITTER = 0.05
"""Noise upon the features: 1 dB."""


def start(key: jax.Array, features: int) -> Weights:
    """Random weights."""
    keys = jax.random.split(key, 4)
    glorot = lambda k, a, b: jax.random.normal(k, (a, b)) * jnp.sqrt(1 / a)  # noqa: E731
    return {
        "in_w": glorot(keys[0], features, INPUT),
        "in_b": jnp.zeros(INPUT),
        "gru_w": glorot(keys[1], INPUT, 3 * WIDTH),
        "gru_u": glorot(keys[2], WIDTH, 3 * WIDTH),
        "gru_b": jnp.zeros(3 * WIDTH).at[:WIDTH].set(1.0),
        "gru_c": jnp.zeros(WIDTH),
        "out_w": glorot(keys[3], WIDTH, 1)[:, 0],
        "out_b": jnp.full(1, -1.0),
    }


def logits(w: Weights, x: jax.Array) -> jax.Array:
    """(batch, frames, features) → (batch, frames); the arithmetic of `Network.step`."""
    new = jax.nn.relu(x @ w["in_w"] + w["in_b"]) @ w["gru_w"] + w["gru_b"]

    def step(state: jax.Array, new_t: jax.Array) -> tuple[jax.Array, jax.Array]:
        old = state @ w["gru_u"]
        gates = jax.nn.sigmoid(new_t[:, : 2 * WIDTH] + old[:, : 2 * WIDTH])
        update, reset = gates[:, :WIDTH], gates[:, WIDTH:]
        candidate = jnp.tanh(new_t[:, 2 * WIDTH :] + reset * (old[:, 2 * WIDTH :] + w["gru_c"]))
        state = candidate + update * (state - candidate)
        return state, state @ w["out_w"]

    _, out = jax.lax.scan(step, jnp.zeros((x.shape[0], WIDTH)), new.swapaxes(0, 1))
    return out.swapaxes(0, 1) + w["out_b"]


def loss(w: Weights, x: jax.Array, speaks: jax.Array, teaches: jax.Array) -> jax.Array:
    """Cross-entropy; a negative weighs three times as much, and up to nine times the surer the network errs."""
    z = logits(w, x)
    p = jax.lax.stop_gradient(jax.nn.sigmoid(z))
    begins = speaks * (1 - jnp.pad(speaks, ((0, 0), (ONSET_FRAMES, 0)))[:, :-ONSET_FRAMES])
    heard = speaks + (ONSET_WEIGHT - 1) * begins
    each = heard * jax.nn.softplus(-z) + (1 - speaks) * NEGATIVE_WEIGHT * (1 + 2 * p) * jax.nn.softplus(z)
    counted = teaches.at[:, :FORGOTTEN].set(0)
    return (each * counted).sum() / counted.sum()


@partial(jax.jit, donate_argnums=(0, 1))
def _update(w, moments, x, speaks, teaches, rate, step):  # noqa: ANN001, ANN202
    value, gradient = jax.value_and_grad(loss)(w, x, speaks, teaches)
    norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gradient)))
    gradient = jax.tree.map(lambda g: g * jnp.minimum(1, 1 / (norm + 1e-9)), gradient)
    first, second = moments
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, second, gradient)

    def moved(a, m, v):  # noqa: ANN001, ANN202
        return a - rate * (m / (1 - 0.9**step) / (jnp.sqrt(v / (1 - 0.999**step)) + 1e-8) + 1e-4 * a)

    return jax.tree.map(moved, w, first, second), (first, second), value


_check = jax.jit(loss)


@jax.jit
def _badness(w: Weights, x: jax.Array, speaks: jax.Array, teaches: jax.Array) -> jax.Array:
    z = jnp.clip(logits(w, x), -6, 6)
    wrong = jax.nn.relu(z + 1) * (1 - speaks) + 0.3 * jax.nn.relu(1 - z) * speaks
    return (wrong * teaches)[:, FORGOTTEN:].mean(axis=1)


class Sequences:
    """Cuts of the data set, drawn by weight, with gain and tilt changed at random."""

    def __init__(self, paths: list[Path], rng: np.random.Generator) -> None:
        parts = [np.load(path) for path in paths]
        self._x, self._speaks, self._teaches = (
            np.concatenate([part[key] for part in parts]) for key in ("x", "speaks", "teaches")
        )
        self._rng = rng
        scenes, frames = self._speaks.shape
        self._starts = [(s, t) for s in range(scenes) for t in range(0, frames - SPAN + 1, SPAN // 2)]
        self._odds = np.full(len(self._starts), 1 / len(self._starts))

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features, speaks, teaches of `count` sequences."""
        picked = self._rng.choice(len(self._starts), count, p=self._odds)
        x, speaks, teaches = self._cut(picked)
        bands = BANDS
        gain = self._rng.uniform(-9, 9, (count, 1, 1)) / 20
        tilt = self._rng.uniform(-4, 4, (count, 1, 1)) / 20 * np.linspace(-1, 1, bands)
        heard, sent = np.ones((6, 1)), np.zeros((6, 1))
        heard[2:4], sent[2:4] = 0, 1  # the far end has a gain of its own
        own = self._rng.uniform(-9, 9, (count, 1, 1)) / 20
        change = ((gain + tilt)[:, :, None] * heard + own[..., None] * sent).reshape(count, 1, -1)
        levels = x[:, :, : 6 * bands]
        levels += change.astype(np.float32)
        x += JITTER * self._rng.standard_normal(x.shape, np.float32)
        np.maximum(levels, -2.0, out=levels)
        return x, speaks, teaches

    def _cut(self, picked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cuts = [(s, slice(t, t + SPAN)) for s, t in (self._starts[i] for i in picked)]
        x = np.stack([self._x[s, t] for s, t in cuts]).astype(np.float32)
        speaks = np.stack([self._speaks[s, t] for s, t in cuts]).astype(np.float32)
        return x, speaks, np.stack([self._teaches[s, t] for s, t in cuts]).astype(np.float32)

    def mine(self, w: Weights) -> None:
        """Show oftener what is still judged wrongly: half of what is drawn comes from the worst tenth."""
        bad = np.concatenate(
            [
                np.asarray(_badness(w, *self._cut(np.arange(i, min(i + 256, len(self._starts))))))
                for i in range(0, len(self._starts), 256)
            ]
        )
        worst = bad >= np.quantile(bad, 0.9)
        self._odds = np.full(len(bad), 0.5 / len(bad)) + worst * bad / bad[worst].sum() * 0.5
        self._odds /= self._odds.sum()


def train(data: Path, seed: int, out: Path) -> None:
    """Train with a seed and write the weights to `out`: on all kinds of scenes, then with many noisy ones besides."""
    rng = np.random.default_rng(seed)
    check = tuple(jnp.asarray(part) for part in Sequences([data / "tune.npz"], np.random.default_rng(0)).draw(300))
    w = start(jax.random.key(seed), check[0].shape[2])
    w = _descend(w, Sequences([data / "train.npz"], rng), check, STEPS, RATE)
    w = _descend(w, Sequences([data / "train.npz", data / "noisy.npz"], rng), check, MORE_STEPS, MORE_RATE)
    np.savez(out, **{name: np.asarray(array, np.float32) for name, array in w.items()})


def _descend(w: Weights, sequences: Sequences, check: tuple[jax.Array, ...], steps: int, top_rate: float) -> Weights:
    moments = (jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w))
    began, shown = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        if step in {int(share * steps) for share in MINED_AT}:
            sequences.mine(w)
        rate = top_rate * min(1, step / 100) * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5
        w, moments, value = _update(w, moments, *sequences.draw(BATCH), rate, step)
        shown += float(value)
        if step % 100 == 0:
            took_s, now = time.monotonic() - began, float(_check(w, *check))
            print(f"step {step}: {shown / 100:.4f}, tuning {now:.4f}, {took_s:.0f} s", flush=True)
            shown = 0.0
    return w
