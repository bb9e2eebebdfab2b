"""Learning rate of an epoch or a step: method.md Section 12.1, scaled to the number of epochs."""

import math

from lst.training.recipes import OptimConfig


def step_rate(optim: OptimConfig, epoch: int, step: int, steps: int) -> float:
    """Rate of step 0 .. steps - 1 of epoch 0, 1, ...: that of its epoch, unless `per_step`.

    per_step: linear warm-up from 0, then the schedule, both read off at the middle of the step.
    """
    if not optim.per_step:
        return learning_rate(optim, epoch)
    time, warmup = epoch + (step + 0.5) / steps, _warmup(optim)
    return optim.lr * time / warmup if time < warmup else _after_warmup(optim, time)


def learning_rate(optim: OptimConfig, epoch: int) -> float:
    """Rate of epoch 0, 1, ... when it is constant within an epoch; the same for every parameter.

    With epochs == planned_epochs and schedule "step" this is the official schedule exactly. Another number of
    epochs moves warm-up and decay in proportion (warm-up is never longer than the planned one).
    """
    warmup = _warmup(optim)
    return optim.lr * (epoch + 1) / warmup if epoch < warmup else _after_warmup(optim, epoch)


def _warmup(optim: OptimConfig) -> int:
    """Epochs of warm-up."""
    return min(round(optim.warmup * optim.epochs / optim.planned_epochs), optim.warmup)


def _after_warmup(optim: OptimConfig, time: float) -> float:
    """The schedule at a time in epochs, once the warm-up is over."""
    if optim.schedule == "cosine":
        warmup = _warmup(optim)
        return optim.lr * 0.5 * (1 + math.cos(math.pi * (time - warmup) / max(1, optim.epochs - warmup)))
    share = optim.epochs / optim.planned_epochs
    steps = sum(time >= round(at * share) for at in optim.decay_at)
    return optim.lr * 0.1**steps
