"""Who acts a synthetic clip, when and with what chance; and the curves that motions are made of. NumPy only.

Time in seconds, lengths in metres, angles in radians; letters as in `figure.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lst.data.synthetic.figure import LEFT, RIGHT, Array, Body


@dataclass(frozen=True)
class Person:
    """What one subject brings to every clip."""

    body: Body
    amplitude: float
    """Size of the movements; 1 is average."""
    tempo: float
    """Speed of the movements; 1 is average."""
    left_handed: bool
    lean: float
    """Habitual forward lean of the torso."""
    head_lean: float
    arm_spread: float
    """How far hanging arms stand off the body, in arm lengths."""
    stance: float
    """Distance of each ankle from the middle, metres."""
    toes_out: float
    sway: float
    """Size of idle movement; 1 is average."""


@dataclass(frozen=True)
class Cue:
    """Who acts, when, and with what chance."""

    rng: np.random.Generator
    person: Person
    seconds_T: Array
    """Time of every frame; the action lasts from 0 to `duration`, negative is before it."""
    duration: float

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def size(self, low: float, high: float) -> float:
        """A length or an angle that follows the person's amplitude."""
        return self.person.amplitude * self.between(low, high)

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def side(self) -> int:
        """Mostly the person's stronger side."""
        return LEFT if self.person.left_handed != self.chance(0.15) else RIGHT

    def window(self, rise: float = 0.35) -> Array:
        """(T,) smoothly 0 to 1 and back to 0 over the action."""
        rise = min(rise / self.person.tempo, self.duration / 2)
        return smooth(self.seconds_T / rise) * smooth((self.duration - self.seconds_T) / rise)

    def swing(self, low: float, high: float) -> Array:
        """(T,) in [-1, 1]: an oscillation of `low` to `high` hertz from a random phase."""
        hertz = self.person.tempo * self.between(low, high)
        return np.sin(2 * np.pi * (hertz * self.seconds_T + self.rng.random()))

    def repeats(self, count: int) -> Iterator[Array]:
        """For each of `count` repetitions: (T,) progress from 0 to 1."""
        length = self.duration / count
        for i in range(count):
            yield np.clip((self.seconds_T - i * length) / length, 0, 1)


def smooth(x: Array) -> Array:
    """Smooth step: 0 up to 0, 1 from 1 on."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def hold(progress_T: Array, rise: float) -> Array:
    """0, up to 1 within the share `rise` of the progress, kept, and down again at its end."""
    return smooth(progress_T / rise) * smooth((1 - progress_T) / rise)


def keyed(progress_T: Array, keys: Sequence[tuple[float, ArrayLike]]) -> Array:
    """Values at given progress, with a smooth step in between: (T,) or (T, C)."""
    times = np.array([time for time, _ in keys])
    values = np.array([value for _, value in keys], dtype=np.float64)
    i = np.clip(np.searchsorted(times, progress_T, side="right") - 1, 0, len(times) - 2)
    share = smooth((progress_T - times[i]) / (times[i + 1] - times[i]))
    share = share.reshape(share.shape + (1,) * (values.ndim - 1))
    return values[i] + share * (values[i + 1] - values[i])


def path(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Array:
    """Coordinates, each a number or (T,) -> (T, 3), or (1, 3) for numbers only."""
    return np.stack(np.broadcast_arrays(np.atleast_1d(x), y, z), axis=-1)
