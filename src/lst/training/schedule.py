"""Learning rate of an epoch: method.md Section 12.1, scaled to the number of epochs."""

import math

from lst.training.recipes import OptimConfig


def learning_rate(optim: OptimConfig, epoch: int) -> float:
    """Rate of epoch 0, 1, ... It is constant within an epoch and the same for every parameter.

    With epochs == planned_epochs and schedule "step" this is the official schedule exactly. Another number of
    epochs moves warm-up and decay in proportion (warm-up is never longer than the planned one).
    """
    share = optim.epochs / optim.planned_epochs
    warmup = min(round(optim.warmup * share), optim.warmup)
    if epoch < warmup:
        return optim.lr * (epoch + 1) / warmup
    if optim.schedule == "cosine":
        done = (epoch - warmup) / max(1, optim.epochs - warmup)
        return optim.lr * 0.5 * (1 + math.cos(math.pi * done))
    steps = sum(epoch >= round(at * share) for at in optim.decay_at)
    return optim.lr * 0.1**steps
