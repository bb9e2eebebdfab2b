"""Recipes of other encoders: numbers against the published ones, names, and what reaches the input path."""

from dataclasses import replace
from typing import Any

import pytest

from lst.cli.recipe_list import recipe_lines
from lst.data.input.steps.frames import CropResize, UniformFrames
from lst.data.input.steps.turns import Rotate
from lst.facts.benchmarks import get_benchmark
from lst.nets.classifier import ENCODERS
from lst.training.build import input_pipeline
from lst.training.encoder_recipes import encoder_families
from lst.training.recipes import RECIPES, STREAMS, get_recipe, stream_names
from lst.training.schedule import step_rate

NTU = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")


def test_every_encoder_has_a_family_on_every_benchmark():
    names = {f"{encoder}-{b}" for encoder in ENCODERS if encoder != "ctrgcn" for b in (*NTU, "nw-ucla")}
    assert set(encoder_families()) == names
    for family in names:
        recipes = [RECIPES[name] for name in stream_names(family)]
        assert [recipe.modality for recipe in recipes] == list(STREAMS)
        assert len({replace(recipe, modality="joint") for recipe in recipes}) == 1
        assert family == f"{recipes[0].encoder}-{recipes[0].benchmark}"
        assert recipes[0].encoder_width == 64
        assert recipes[0].text.weight == (1.0 if "ucla" in family else 0.8)


# encoder, benchmark, then passes, batch, rate, weight decay, steps, warm-up
PUBLISHED = [
    *((encoder, b, (80, 128, 0.1, 5e-4, (), 0)) for encoder in ("stgcn", "stgcnpp") for b in NTU),
    *((encoder, b, (150, 64, 0.1, 5e-4, (), 0)) for encoder in ("dgstgcn", "dgstgcn-wide") for b in NTU),
    *(("blockgc", b, (140, 64, 0.05, 4e-4, (110, 120), 5)) for b in NTU),
    ("blockgc", "nw-ucla", (700, 16, 0.05, 2e-4, (110, 120), 5)),
    *((e, b, (110, 200, 0.1, 5e-4, (90, 100), 5)) for e in ("gcn-baseline", "ctrgcn-static") for b in NTU),
]


@pytest.mark.parametrize(("encoder", "benchmark", "numbers"), PUBLISHED)
def test_published_numbers(encoder: str, benchmark: str, numbers: tuple[Any, ...]):
    config = get_recipe(f"{encoder}-{benchmark}-joint")
    optim = config.optim
    passes = optim.epochs * config.repeat
    assert (passes, config.batch_size, optim.lr, optim.weight_decay, optim.decay_at, optim.warmup) == numbers
    assert (optim.momentum, optim.planned_epochs) == (0.9, optim.epochs)
    assert (optim.ema, optim.label_smoothing) == (0.0, 0.0)


@pytest.mark.parametrize("name", ["stgcnpp-ntu60-xsub-joint", "dgstgcn-ntu120-xset-bone"])
def test_a_cosine_falls_from_the_rate_to_zero_with_every_step(name: str):
    optim = get_recipe(name).optim
    assert step_rate(optim, 0, 0, 1000) == pytest.approx(0.1, rel=1e-3)
    assert step_rate(optim, optim.epochs - 1, 999, 1000) < 1e-6


def test_the_input_path_of_pyskl():
    plus, dynamic = (input_pipeline(get_recipe(f"{e}-ntu60-xsub-joint")) for e in ("stgcnpp", "dgstgcn"))
    assert plus.frame_step == dynamic.frame_step == UniformFrames(100)
    assert not plus.has(Rotate)
    assert dynamic.find(Rotate) == Rotate(0.2)
    shorter = input_pipeline(replace(get_recipe("dgstgcn-ntu60-xsub-joint"), clip_length=20))
    assert shorter.frame_step == UniformFrames(20)
    assert input_pipeline(get_recipe("blockgc-ntu60-xsub-joint")).frame_step == CropResize(64)


def test_the_listing_stays_on_one_screen_and_names_all():
    lines = recipe_lines()
    assert len(lines) < 45
    told = {word.strip(",") for line in lines for word in line.split()}
    assert set(ENCODERS) - {"ctrgcn"} <= told
    assert {get_benchmark(b).name for b in (*NTU, "nw-ucla")} <= told
    assert max(map(len, lines)) <= 110
