"""Recipes: each one builds and learns for two steps; names, families, and values that are refused."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch

from lst.data.input.batches import Batch
from lst.data.input.steps.persons import EmptySlots
from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import get_benchmark
from lst.facts.skeleton import get_layout
from lst.nets.losses import LossTerms
from lst.nets.supervision import LabelSupervision, LanguageSupervision
from lst.text.descriptions import default_descriptions
from lst.text.prompt_choices import rule_heads
from lst.text.prompts import class_prompts, official_fields
from lst.text.vectors import default_vectors
from lst.training.build import Assembly, assemble, input_pipeline
from lst.training.encoder_recipes import encoder_families
from lst.training.recipes import (
    RECIPES,
    STREAMS,
    OptimConfig,
    RunConfig,
    get_recipe,
    overrides,
    stream_names,
)
from lst.training.run_texts import text_bank, text_rule
from lst.training.text_config import TextConfig

CPU = torch.device("cpu")
NTU = ("ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset")
FAMILIES = ("nw-ucla", "nw-ucla-clean", *NTU, "demo")
FAMILIES += tuple(f"gap-{family}" for family in FAMILIES if family != "demo")
FAMILIES += ("nw-ucla-short", "nw-ucla-clean-short")
ENCODER_FAMILIES = tuple(encoder_families())
CTRGCN = [name for name in RECIPES if RECIPES[name].encoder == "ctrgcn"]
ONE_STREAM = [name for name in RECIPES if name in CTRGCN or name.endswith("-joint")]
GAP = [name for name in RECIPES if name.startswith("gap-")]


@pytest.fixture
def stores(
    tiny_store: ClipStore, nw_ucla_store: ClipStore, ntu_stores: dict[str, ClipStore]
) -> dict[str, ClipStore]:
    return {"synthetic": tiny_store, "nw-ucla": nw_ucla_store, **ntu_stores}


def small(config: RunConfig, **changed: Any) -> RunConfig:
    """The recipe in everything but size."""
    return replace(config, **{"encoder_width": 8, "clip_length": 8, "batch_size": 4, "repeat": 1, **changed})


def parts_of(name: str, stores: dict[str, ClipStore], **changed: Any) -> Assembly:
    config = small(get_recipe(name), **changed)
    return assemble(config, stores[get_benchmark(config.benchmark).dataset], CPU)


def step(parts: Assembly, batch: Batch) -> LossTerms:
    return parts.supervision(batch.x_NCTVM, batch.labels_N, batch.text_draws_N, batch.present_B)


def two_steps(parts: Assembly, config: RunConfig) -> None:
    optimizer = torch.optim.SGD(parts.supervision.parameters(), lr=0.01)
    for _, batch in zip(range(2), parts.train.train(config.seed, 0), strict=False):
        terms = step(parts, batch)
        loss = terms.classes + (config.text.weight * terms.parts_P.mean() if len(terms.parts_P) else 0)
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    grads = {key: value.grad for key, value in parts.supervision.named_parameters()}
    assert [key for key, grad in grads.items() if grad is None or not grad.isfinite().all()] == []


# --- every recipe ---


@pytest.mark.parametrize("name", ONE_STREAM)
def test_recipe_builds_and_learns_for_two_steps(name: str, stores: dict[str, ClipStore]):
    config, parts = get_recipe(name), parts_of(name, stores)
    benchmark = get_benchmark(config.benchmark)
    assert parts.benchmark == benchmark
    assert parts.classifier.head.out_features == benchmark.num_classes
    assert parts.pipeline.modality == config.modality
    assert parts.pipeline.num_persons == benchmark.num_persons
    assert isinstance(parts.supervision, LanguageSupervision)
    assert parts.text["encoder"]
    two_steps(parts, config)


@pytest.mark.parametrize("name", ["nw-ucla-bone", "gap-nw-ucla-bone", "demo-joint"])
def test_without_text_there_is_only_the_label(name: str, stores: dict[str, ClipStore]):
    parts = parts_of(name, stores, text=TextConfig(weight=0.0))
    assert isinstance(parts.supervision, LabelSupervision)
    assert parts.text == {}
    two_steps(parts, get_recipe(name).with_text(weight=0.0))


@pytest.mark.parametrize("name", CTRGCN)
def test_recipe_is_plain_data_and_keeps_its_own_size(name: str):
    config = RECIPES[name]
    values = asdict(config)
    optim = OptimConfig(**values.pop("optim"))
    text = TextConfig(**values.pop("text"))
    assert RunConfig(**values, text=text, optim=optim) == config
    is_small = config.benchmark == "synthetic" or "-short-" in name
    assert config.clip_length == (32 if is_small else None)
    # None: as many as the benchmark says
    frames = 32 if is_small else {"nw-ucla": 52, "nw-ucla-clean": 52}.get(config.benchmark, 64)
    assert input_pipeline(config).clip_length == frames
    assert input_pipeline(replace(config, clip_length=9)).clip_length == 9


def test_nw_ucla_recipes_have_the_official_numbers():
    # method.md 12.2, NW-UCLA: the column of GAP
    for name in CTRGCN:
        if "nw-ucla" not in name or "-short-" in name:
            continue
        config = RECIPES[name]
        assert (config.batch_size, config.repeat, config.seed) == (64, 5, 1), name
        assert (config.encoder, config.encoder_width) == ("ctrgcn", 64), name
        assert (config.text.weight, config.text.target) == (1.0, "soft"), name
        optim = OptimConfig(
            lr=0.2, epochs=110, warmup=5, decay_at=(90, 100), weight_decay=4e-4, momentum=0.9, schedule="step"
        )
        assert config.optim == optim, name
    assert 5 * get_benchmark("nw-ucla").expected["train"] // 64 == 79  # steps per epoch


def test_short_recipes_have_the_numbers_of_their_measurement():
    # 12 epochs, 32 frames, rate 0.1, cosine per step.
    epochs = {"epochs": 12, "planned_epochs": 12, "warmup": 3, "decay_at": ()}
    optim = OptimConfig(lr=0.1, schedule="cosine", per_step=True, weight_decay=4e-4, **epochs)
    for name in ("nw-ucla-short-joint", "nw-ucla-clean-short-bone"):
        config = RECIPES[name]
        assert (config.optim, config.clip_length) == (optim, 32)
        assert (config.batch_size, config.repeat, config.encoder_width) == (64, 5, 64)


@pytest.mark.parametrize("name", [name for name in CTRGCN if "ntu" in name])
def test_ntu_recipes_have_the_official_numbers(name: str):
    # method.md 12.2, the column of GAP for NTU
    config = RECIPES[name]
    assert (config.batch_size, config.repeat, config.seed) == (200, 1, 1)
    assert (config.encoder, config.encoder_width) == ("ctrgcn", 64)
    assert (config.text.weight, config.text.target) == (0.8, "soft")
    assert config.persons == ("every_slot" if config.parity == "gap" else "present")  # Q8
    optim = OptimConfig(
        lr=0.1, epochs=110, warmup=5, decay_at=(90, 100), weight_decay=5e-4, momentum=0.9, schedule="step"
    )
    assert config.optim == optim
    repeats_person = config.parity == "gap" and "ntu120" in name  # Q49
    assert input_pipeline(config).find(EmptySlots).fill == ("repeat" if repeats_person else "zeros")


# --- names ---


def test_families_and_streams():
    assert STREAMS == ("joint", "bone", "joint_motion", "bone_motion")
    streams = {family: stream_names(family) for family in (*FAMILIES, *ENCODER_FAMILIES)}
    assert sorted(name for names in streams.values() for name in names) == sorted(RECIPES)
    assert streams["demo"] == ("demo-joint", "demo-bone", "demo-joint-motion", "demo-bone-motion")
    for family, names in streams.items():
        assert tuple(get_recipe(name).modality for name in names) == STREAMS
        members = {replace(get_recipe(name), modality="joint") for name in names}
        assert len(members) == 1, f"{family}: streams may differ in modality only"


def test_names_say_benchmark_and_parity():
    for name in CTRGCN:
        config = RECIPES[name]
        assert (config.parity == "gap") == name.startswith("gap-")
        family = next(family for family in FAMILIES if name in stream_names(family))
        family = family.removeprefix("gap-").removesuffix("-short")
        assert config.benchmark == ("synthetic" if family == "demo" else family)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("nw-ucla-jont", "nw-ucla-joint"),
        ("NW-UCLA-joint", "nw-ucla-joint"),
        ("gap-nwucla-bone", "gap-nw-ucla-bone"),
        ("demo_bone_motion", "demo-bone-motion"),
    ],
)
def test_a_wrong_name_gets_the_nearest(wrong: str, near: str):
    with pytest.raises(ValueError, match=rf"unknown recipe '{wrong}'\. Did you mean '{near}'\?"):
        get_recipe(wrong)


def test_a_wrong_family_gets_the_nearest():
    with pytest.raises(ValueError, match=r"unknown family of recipes 'nw-ucal'\. Did you mean 'nw-ucla'\?"):
        stream_names("nw-ucal")
    with pytest.raises(ValueError, match="unknown family of recipes"):
        stream_names("nw-ucla-joint")  # a recipe is no family


# --- gap recipes ---


# method.md 6.2: the official part lists by number, head, hand, hip, foot
GAP_LISTS = {
    ("kinect_v1_20", "joint"): [[2, 3], range(4, 12), [0, 1, 12, 16], range(12, 20)],
    ("kinect_v1_20", "bone"): [[2], range(3, 11), [0, 1, 11, 15], range(11, 19)],  # Q6
    ("kinect_v2_25", "joint"): [
        [2, 3, 20],
        [*range(4, 12), *range(21, 25)],
        [0, 1, 2, 12, 16],
        range(12, 20),  # Q4
    ],
    ("kinect_v2_25", "bone"): [
        [2, 3],
        [*range(4, 12), 20, 22, 23, 24],
        [0, 1, 12, 16],
        range(12, 20),  # Q5
    ],
}
GAP_K = {"kinect_v1_20": {"joint": 6, "bone": 1}, "kinect_v2_25": {"joint": 8, "bone": 1}}  # method.md 4.2


@pytest.mark.parametrize("name", GAP)
def test_gap_recipe_computes_what_the_official_code_computes(name: str, stores: dict[str, ClipStore]):
    config = get_recipe(name)
    parts = parts_of(name, stores)
    layout, kind = parts.pipeline.layout, config.modality.removesuffix("_motion")
    assert isinstance(parts.supervision, LanguageSupervision)
    assert torch.equal(parts.supervision.scales(), parts.supervision.scale)  # Q16: s as it is
    matrix_VV = parts.pipeline.joint_matrix()
    assert matrix_VV is not None
    np.testing.assert_array_equal(matrix_VV, get_layout(layout).gap_joint_matrix(GAP_K[layout][kind]))
    for row, joints in zip(parts.supervision.weights_PV[1:], GAP_LISTS[layout, kind], strict=True):
        assert row.nonzero().flatten().tolist() == list(joints)


@pytest.mark.parametrize("name", GAP)
def test_gap_recipe_differs_from_its_corrected_twin(name: str, stores: dict[str, ClipStore]):
    twin = name.removeprefix("gap-")
    config = get_recipe(name)
    assert replace(config, parity="corrected", persons=get_recipe(twin).persons) == get_recipe(twin)
    gap, corrected = parts_of(name, stores), parts_of(twin, stores)
    assert isinstance(gap.supervision, LanguageSupervision)
    assert isinstance(corrected.supervision, LanguageSupervision)
    ours, theirs = next(corrected.train.train(1, 0)), next(gap.train.train(1, 0))
    assert torch.equal(ours.clips_N, theirs.clips_N)
    same_input = torch.equal(ours.x_NCTVM, theirs.x_NCTVM)
    joints_stay = "ntu60" in name and not config.modality.startswith("bone")  # Q1; else Q2, Q3 and Q49
    assert same_input == joints_stay
    assert torch.allclose(corrected.supervision.scales(), torch.full((5,), 1 / 0.07))
    differ = not torch.equal(gap.supervision.weights_PV, corrected.supervision.weights_PV)
    assert differ == (config.modality.startswith("bone") or "ntu" in name)  # UCLA's joint lists have no slip
    start = dict(gap.classifier.named_parameters())
    for key, value in corrected.classifier.named_parameters():
        same_shape = not ("ntu" in name and "input_bn" in key)  # Q8: persons apart share one normalisation
        assert torch.equal(value, start[key]) if same_shape else 2 * len(value) == len(start[key])


def test_corrected_pipeline_leaves_joints_alone_and_subtracts_parents(stores: dict[str, ClipStore]):
    assert parts_of("nw-ucla-joint", stores).pipeline.joint_matrix() is None
    matrix_VV = parts_of("nw-ucla-bone", stores).pipeline.joint_matrix()
    assert matrix_VV is not None
    np.testing.assert_array_equal(matrix_VV, get_layout("kinect_v1_20").bone_matrix())


def test_gap_prompts_are_the_official_ones(stores: dict[str, ClipStore]):
    vectors = default_vectors("nw-ucla")
    labels, draws = torch.arange(10), torch.zeros(10)
    heads = [
        rule_heads(text_rule(get_recipe(f"{family}nw-ucla-joint")), vectors.classes)
        for family in ("", "gap-")
    ]
    ours, theirs = (text_bank(vectors, own)(labels, draws) for own in heads)
    classes = default_descriptions("nw-ucla")
    plain = [class_prompts(action) for action in classes]
    official = [class_prompts(official_fields(action), glued_comma=True) for action in classes]
    for bank, prompts in ((ours, plain), (theirs, official)):
        for k, five in enumerate(prompts):
            rows = [vectors.texts.index(text) for text in (five.global_[0], *five.parts)]
            np.testing.assert_array_equal(bank[:, k], vectors.vectors_TD[rows])
    assert not torch.equal(ours[1:], theirs[1:])
    # and the step of a recipe uses its own
    for name, texts in (("gap-nw-ucla-joint", theirs), ("nw-ucla-joint", ours)):
        parts = parts_of(name, stores)
        seen: list[torch.Tensor] = []
        bank = parts.supervision.get_submodule("bank")
        bank.register_forward_hook(lambda _, given, out, seen=seen: seen.append(out))
        batch = next(parts.train.train(1, 0))
        step(parts, batch)
        torch.testing.assert_close(seen[0][1:], texts[1:, batch.labels_N])


# --- text settings reach the loss ---


@pytest.mark.parametrize("change", [{"scale": "linear"}, {"target": "same_class"}])
def test_text_settings_reach_the_loss(change: dict[str, Any], stores: dict[str, ClipStore]):
    plain, changed = parts_of("demo-joint", stores), parts_of("demo-joint", stores, text=TextConfig(**change))
    batch = next(plain.train.train(1, 0))
    a, b = step(plain, batch), step(changed, batch)
    torch.testing.assert_close(a.classes, b.classes)
    assert not torch.allclose(a.parts_P, b.parts_P, rtol=1e-4)


# --- values ---

WRONG = [  # field, value, what the error says
    ("benchmark", "nw-ulca", r"unknown benchmark 'nw-ulca'\. Did you mean 'nw-ucla'"),
    ("modality", "bones", r"'bones'\. Did you mean 'bone'"),
    ("parity", "gpa", r"'gpa'\. Did you mean 'gap'"),
    ("encoder", "ctr-gcn", r"'ctr-gcn'\. Did you mean 'ctrgcn'"),
    ("encoder_width", 12, "multiple of 8, got 12"),
    ("precision", "fp16", r"'fp16'"),
    ("hold_out", 1.0, r"hold_out is a share in \[0, 1\), got 1.0"),
    ("hold_out", -0.1, "hold_out"),
    ("hold_out", float("nan"), "hold_out"),
    ("batch_size", 0, "batch_size must be at least 1, got 0"),
    ("repeat", 0, "repeat must be at least 1"),
    ("clip_length", 0, "clip_length must be at least 1"),
    ("seed", -1, "seed must not be negative, got -1"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_a_wrong_value_raises_before_training(
    field: str, value: Any, message: str, stores: dict[str, ClipStore]
):
    with pytest.raises(ValueError, match=message):
        parts_of("demo-joint", stores, **{field: value})


WRONG_TEXT = [
    ("scale", "linaer", r"'linaer'\. Did you mean 'linear'"),
    ("target", "hard", r"'hard'"),
    ("prompts", "part4", r"unknown prompts 'part4'\. Did you mean 'parts4'"),
    ("weight", -0.1, r"text\.weight must be 0 .* got -0.1"),
    ("weight", float("nan"), "text.weight"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG_TEXT)
def test_a_wrong_text_value_raises(field: str, value: Any, message: str):
    with pytest.raises(ValueError, match=message):
        TextConfig(**{field: value})


WRONG_OPTIM = [
    ("lr", 0.0, "lr must be positive, got 0.0"),
    ("lr", -1.0, "lr"),
    ("lr", float("nan"), "lr"),
    ("epochs", 0, "epochs must be at least 1, got 0"),
    ("planned_epochs", 0, "planned_epochs"),
    ("schedule", "cosin", r"'cosin'\. Did you mean 'cosine'"),
    ("decay_at", (90, 110), r"decay_at \[110\] lies at or after planned_epochs = 110"),
    ("warmup", -1, "warmup"),
    ("momentum", -0.5, "momentum"),
    ("weight_decay", -1e-4, "weight_decay"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG_OPTIM)
def test_a_wrong_optimiser_value_raises(field: str, value: Any, message: str):
    with pytest.raises(ValueError, match=message):
        OptimConfig(**{field: value})


@pytest.mark.parametrize(
    ("change", "scale"),
    [
        ({}, "exp"),
        ({"parity": "gap"}, "linear"),  # one switch is enough
        ({"parity": "gap", "text": TextConfig(scale="exp")}, "exp"),
        ({"text": TextConfig(scale="linear")}, "linear"),
    ],
)
def test_the_scale_follows_parity_unless_it_is_given(change: dict[str, Any], scale: str):
    assert replace(get_recipe("nw-ucla-joint"), **change).scale == scale


def test_overrides_are_what_a_run_changed_but_not_its_seed():
    base = get_recipe("nw-ucla-joint")
    assert overrides("nw-ucla-joint", replace(base, seed=7)) == {}
    changed = replace(base, batch_size=32, optim=replace(base.optim, epochs=15))
    assert overrides("nw-ucla-joint", changed) == {"batch_size": 32, "optim.epochs": 15}
    assert overrides("unknown", base)["optim.lr"] == 0.2  # without a recipe everything is a change


def test_a_store_of_another_data_set_is_refused(stores: dict[str, ClipStore]):
    with pytest.raises(ValueError, match="needs 'nw-ucla'"):
        assemble(small(get_recipe("nw-ucla-joint")), stores["synthetic"], CPU)
