"""Learning rates: the official schedule epoch by epoch, other lengths, and the cosine form."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.training.recipes import RECIPES, OptimConfig
from lst.training.schedule import learning_rate, step_rate


def rates(optim: OptimConfig) -> list[float]:
    return [learning_rate(optim, epoch) for epoch in range(optim.epochs)]


def test_official_schedule_epoch_by_epoch():
    # method.md 12.1 for base 0.2: five epochs up, 85 at the base, ten at a tenth, ten at a hundredth.
    expected = [0.04, 0.08, 0.12, 0.16, 0.2] + [0.2] * 85 + [0.02] * 10 + [0.002] * 10
    assert rates(OptimConfig(lr=0.2)) == pytest.approx(expected, rel=1e-12)


LENGTHS = [  # epochs, warm-up rates, epochs at the base, at a tenth, at a hundredth
    (1, [], 1, 0, 0),
    (15, [0.1], 11, 2, 1),  # 0.7 epochs of warm-up are one; decays at 12.3 and 13.6
    (20, [0.1], 15, 2, 2),  # decays at 16.4 and 18.2
    (65, [0.1 / 3, 0.2 / 3, 0.1], 50, 6, 6),  # decays at 53.2 and 59.1
    (110, [0.02, 0.04, 0.06, 0.08, 0.1], 85, 10, 10),
    (220, [0.02, 0.04, 0.06, 0.08, 0.1], 175, 20, 20),  # warm-up does not grow
]


@pytest.mark.parametrize(("epochs", "warm", "base", "tenth", "hundredth"), LENGTHS)
def test_other_lengths_keep_the_proportions(
    epochs: int, warm: list[float], base: int, tenth: int, hundredth: int
):
    expected = [*warm, *[0.1] * base, *[0.01] * tenth, *[0.001] * hundredth]
    assert len(expected) == epochs
    assert rates(OptimConfig(epochs=epochs)) == pytest.approx(expected, rel=1e-12)


def test_another_plan_is_scaled_from_its_own_length():
    # CTR-GCN's own NTU recipe: decays at 35 and 55 of 65.
    own = OptimConfig(epochs=65, planned_epochs=65, decay_at=(35, 55))
    warm = [0.02, 0.04, 0.06, 0.08, 0.1]
    assert rates(own) == pytest.approx(warm + [0.1] * 30 + [0.01] * 20 + [0.001] * 10)
    twice = OptimConfig(epochs=130, planned_epochs=65, decay_at=(35, 55))
    assert rates(twice) == pytest.approx(warm + [0.1] * 65 + [0.01] * 40 + [0.001] * 20)


def test_no_warmup_and_no_decay():
    assert rates(OptimConfig(epochs=6, warmup=0, decay_at=())) == [0.1] * 6


def test_cosine_by_hand():
    # Four epochs of warm-up, then half a cosine over four steps: cos(0, 45, 90, 135 degrees).
    optim = OptimConfig(epochs=8, planned_epochs=8, warmup=4, decay_at=(), schedule="cosine")
    half = math.sqrt(0.5)
    down = [0.1, 0.05 * (1 + half), 0.05, 0.05 * (1 - half)]
    assert rates(optim) == pytest.approx([0.025, 0.05, 0.075, 0.1, *down], rel=1e-12)


def test_rates_per_step_by_hand():
    # One epoch of warm-up and one of half a cosine, two steps each, read off at their middles:
    # 1/4, 3/4 of the way up; then cos(45 and 135 degrees).
    optim = OptimConfig(epochs=2, planned_epochs=2, warmup=1, decay_at=(), schedule="cosine", per_step=True)
    half = math.sqrt(0.5)
    got = [step_rate(optim, epoch, step, 2) for epoch in (0, 1) for step in (0, 1)]
    assert got == pytest.approx([0.025, 0.075, 0.05 * (1 + half), 0.05 * (1 - half)], rel=1e-12)


def test_steps_of_an_epoch_have_its_rate_unless_asked():
    optim = OptimConfig()
    assert [step_rate(optim, 3, step, 79) for step in range(79)] == [learning_rate(optim, 3)] * 79


optims = st.builds(
    OptimConfig,
    lr=st.floats(1e-4, 1.0),
    epochs=st.integers(1, 300),
    schedule=st.sampled_from(["step", "cosine"]),
    warmup=st.integers(0, 10),
)


@given(optims)
def test_every_rate_is_positive_reaches_the_base_and_ends_low(optim: OptimConfig):
    got = rates(optim)
    assert all(0 < rate <= optim.lr * (1 + 1e-12) for rate in got)
    assert max(got) == pytest.approx(optim.lr)
    top = got.index(max(got))
    assert got[: top + 1] == sorted(got[: top + 1])
    assert got[top:] == sorted(got[top:], reverse=True)
    if optim.epochs >= 50:
        assert got[-1] < 0.05 * optim.lr


@pytest.mark.parametrize("name", RECIPES)
def test_schedule_of_every_recipe_ends_below_a_fiftieth(name: str):
    optim = RECIPES[name].optim
    assert step_rate(optim, optim.epochs - 1, 78, 79) < 0.02 * optim.lr
