"""The input path as a value: published paths bit for bit, old cards, changes in words, own steps."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lst.data.input.batches import ClipBatches, prepare_arrays
from lst.data.input.changes import apply_changes
from lst.data.input.pipeline import InputPipeline
from lst.data.input.pipeline_card import pipeline_from_json, pipeline_json
from lst.data.input.steps.frames import CropResize, RandomFrames
from lst.data.input.steps.known import STEPS, step_name
from lst.data.input.steps.space import MinMax
from lst.data.input.steps.step import Clips, Draw, Step
from lst.data.input.steps.turns import Rotate, ViewChange
from lst.data.store.clip_store import ClipStore
from lst.facts.skeleton import get_layout
from lst.nets.checkpoint import load_checkpoint
from lst.training.recipes import get_recipe
from published_paths import published_clips
from random_clips import MODALITIES, NTU, UCLA, batches_of, by_clip, ntu_pipeline, ucla_pipeline
from short_runs import run, tiny

pytestmark = pytest.mark.usefixtures("one_thread")
OLD_CARDS = sorted((Path(__file__).parent / "old_cards").glob("*.json"))


# ---- the published paths -------------------------------------------------------------------

PATHS: list[dict[str, Any]] = [
    {"layout": "kinect_v1_20", "num_persons": 1, "clip_length": 52, "frames": "random_frames"},
    {"layout": "kinect_v2_25", "num_persons": 2, "clip_length": 64, "frames": "crop_resize"},
    {"layout": "kinect_v1_20", "num_persons": 1, "clip_length": 20, "frames": "crop_resize", "bones": "gap"},
    {"layout": "kinect_v2_25", "num_persons": 2, "clip_length": 20, "frames": "random_frames"},
    {
        **{"layout": "kinect_v2_25", "num_persons": 2, "clip_length": 16, "frames": "crop_resize"},
        **{"bones": "graph", "missing_person": "repeat"},
        **{"max_rotation": 0.1, "min_crop": 0.6, "test_crop": 0.9},
    },
    {
        **{"layout": "kinect_v1_20", "num_persons": 1, "clip_length": 12, "frames": "random_frames"},
        **{"bones": "gap", "max_view_degrees": 20},
    },
]


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("fields", PATHS, ids=lambda f: f"{f['frames']}-{f['layout']}-{f['clip_length']}")
def test_every_bit_is_that_of_the_paths_written_out(
    fields: dict[str, Any], modality: Any, ucla: ClipStore, ntu: ClipStore
):
    store = ucla if fields["layout"] == "kinect_v1_20" else ntu
    fields = {**fields, "modality": modality}
    batches = batches_of(store, ucla_pipeline(**fields), batch_size=5, repeat=2)
    shown = by_clip(batches, batches.train(3, 4))
    expected: dict[str, list[bytes]] = {}
    for repeat in range(2):
        for clip_id, x in published_clips(store, (3, 4), repeat, **fields):
            expected.setdefault(clip_id, []).append(x[0].contiguous().numpy().tobytes())
    for clip_id, xs in shown.items():
        assert not Counter(x.tobytes() for x in xs) - Counter(expected[clip_id])
    tested = by_clip(batches, batches.test())
    for clip_id, x in published_clips(store, None, **fields):
        assert tested[clip_id][0].tobytes() == x[0].contiguous().numpy().tobytes()


def test_only_the_frames_that_are_shown_are_fetched(ntu: ClipStore):
    """A step before the choice of frames costs all of them, one after it costs nothing."""
    assert not NTU.needs_every_frame
    assert UCLA.needs_every_frame
    fetched = []
    batches = batches_of(ntu, NTU, batch_size=99)
    gather = batches._rows.gather
    object.__setattr__(batches._rows, "gather", lambda c, f, m: fetched.append(f.shape) or gather(c, f, m))
    next(batches.test())
    assert fetched == [(9, 64), (9, 64)]


# ---- the value -----------------------------------------------------------------------------


def test_a_pipeline_is_printed_in_a_few_lines():
    text = repr(NTU)
    assert "CropResize(clip_length=64, min_share=0.5, test_share=0.95, shortest=64)" in text
    assert len(text.splitlines()) == len(NTU.steps) + 2


def test_changing_adding_and_leaving_out():
    assert NTU.changing(Rotate, max_radians=0.1).find(Rotate) == Rotate(0.1)
    assert not NTU.without(Rotate).has(Rotate)
    more = NTU.adding(Rotate(0.2, axes="y"))
    assert [step_name(step) for step in more.steps] == [
        *("CropResize", "Rotate", "Rotate", "EmptySlots", "Stream")
    ]
    with pytest.raises(ValueError, match=r"exactly one step must choose the frames .* found 0"):
        NTU.without(CropResize)
    with pytest.raises(
        ValueError, match="found 2 among CropResize, Rotate, EmptySlots, Stream, R"
    ):
        replace(NTU, steps=(*NTU.steps, RandomFrames(8)))
    assert NTU.adding(RandomFrames(8)).steps == (RandomFrames(8), *NTU.steps[1:])
    with pytest.raises(ValueError, match="has no step MinMax, only CropResize, Rotate"):
        NTU.without(MinMax)


def test_two_steps_of_a_kind_draw_different_numbers(ntu: ClipStore):
    draw = Draw(0, 0, np.arange(5, dtype=np.uint64), np.zeros(5), np.full(5, 9))
    first, second = draw.uniform("rotation", 3), draw.uniform("rotation", 3)
    assert not torch.equal(first, second)
    again = Draw(0, 0, np.arange(5, dtype=np.uint64), np.zeros(5), np.full(5, 9))
    assert torch.equal(first, again.uniform("rotation", 3))
    assert (draw.symmetric("s", 1000).abs() <= 1).all()
    normal = draw.normal("n", 20_000)
    assert abs(normal.mean().item()) < 0.02
    assert abs(normal.std().item() - 1) < 0.02


# ---- cards ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", OLD_CARDS, ids=lambda path: path.stem)
def test_cards_of_version_1_mean_the_same(path: Path):
    """Written by lst 0.1 before the input path was a list."""
    card = json.loads(path.read_text())
    pipeline = pipeline_from_json(card["input"])
    expected = {
        "random_frames": ucla_pipeline(
            modality="bone_motion", clip_length=12, bones="gap", max_view_degrees=20
        ),
        "crop_resize": ntu_pipeline(
            modality="bone",
            clip_length=16,
            bones="graph",
            missing_person="repeat",
            max_rotation=0.1,
            min_crop=0.6,
            test_crop=0.9,
        ),
    }
    assert pipeline == expected[path.stem]
    assert pipeline_from_json(json.loads(json.dumps(pipeline_json(pipeline)))) == pipeline


def test_a_card_lists_every_number():
    values = pipeline_json(NTU)
    assert values["layout"] == "kinect_v2_25"
    assert values["steps"][1] == {"step": "Rotate", "max_radians": 0.3, "axes": "xyz"}
    assert values["steps"][0] == {
        **{"step": "CropResize", "clip_length": 64, "min_share": 0.5, "test_share": 0.95, "shortest": 64}
    }


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"steps": [{"step": "Rotat"}]}, "unknown step 'Rotat'. Did you mean 'Rotate'"),
    ({"steps": [{"step": "Rotate", "max_radian": 1}]}, "'max_radian'. Did you mean 'max_radians'"),
    ({"steps": [{"step": "Rotate", "max_radians": "much"}]}, "Rotate: .*float.*max_radians"),
    ({"steps": [{"step": "Rotate", "max_radians": -1}]}, "max_radians must not be negative, got -1"),
    ({"steps": [{"step": "CropResize"}]}, "CropResize needs clip_length"),
    ({"steps": ["Rotate"]}, "step 0 is 'Rotate'"),
    ({"steps": {}}, "lacks a list of steps"),
    ({"steps": [], "num_persons": "two"}, "num_persons must be a whole number, got 'two'"),
    ({"steps": [], "zoom": 1}, "'zoom'"),
    ({"steps": [], "channels": "xzy"}, "channels 'xzy'"),
    ({"steps": []}, "found 0 among none"),
]


@pytest.mark.parametrize(("changed", "message"), BROKEN)
def test_a_damaged_card_says_what_is_wrong(changed: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        pipeline_from_json({**pipeline_json(NTU), **changed})


def test_every_step_has_a_name_and_plain_fields():
    assert all(name == step_name(kind) for name, kind in STEPS.items())
    assert all(issubclass(kind, Step) for kind in STEPS.values())


# ---- changes in words ----------------------------------------------------------------------


def test_changes_in_words():
    changed = apply_changes(
        NTU, ["rotate.max_radians=0.1", "CropResize.min_share = 0.7", "Rotate(max_radians=0.2, axes='y')"]
    )
    assert changed.steps[:3] == (CropResize(64, 0.7), Rotate(0.1), Rotate(0.2, "y"))
    assert not apply_changes(UCLA, ["ViewChange=off"]).has(ViewChange)
    assert apply_changes(NTU, ["Rotate.axes=y"]).find(Rotate).axes == "y"
    assert apply_changes(NTU, []) == NTU


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rotat.max_radians=1", "unknown step 'rotat'. Did you mean 'Rotate'"),
        ("Rotate.max_radian=1", "'max_radian'. Did you mean 'max_radians'"),
        ("Rotate.max_radians=wide", "Rotate: .*max_radians"),
        ("Rotate.max_radians", "expected Step.number=value"),
        ("Rotate=on", "expected Step.number=value"),
        ("Turn(max_radians=1)", "unknown step 'Turn'"),
        ("Rotate(0.3)", "not of the form"),
        ("Rotate(max_radians=)", "not of the form"),
        ("ViewChange.max_degrees=3", "unknown step 'ViewChange'. .*Known: CropResize"),
        ("no_such_module.Jitter(a=1)", "cannot import Jitter from no_such_module"),
        ("json.JSONDecoder()", "json.JSONDecoder is no step"),
    ],
)
def test_a_change_that_means_nothing_names_the_nearest(change: str, message: str):
    with pytest.raises(ValueError, match=message) as error:
        apply_changes(NTU, [change])
    assert repr(change) in str(error.value)


# ---- an augmentation of one's own ----------------------------------------------------------


@dataclass(frozen=True)
class Jitter(Step):
    """Each joint of a training clip is moved by noise: one class in one file."""

    metres: float = 0.01

    def draw(self, draw: Draw) -> Tensor:
        return draw.normal("jitter", 3)

    def apply(self, clips: Clips, drawn: Tensor | None) -> Clips:
        if drawn is None:
            return clips
        return clips.with_x(clips.x_NCTVM + self.metres * drawn[:, :, None, None, None])


@pytest.mark.usefixtures("quick")
def test_an_augmentation_is_one_class_and_its_name_in_a_recipe(tiny_store: ClipStore, tmp_path: Path):
    config = tiny(1, input=("test_pipeline.Jitter(metres=0.5)", "ViewChange.max_degrees=5"))
    card = run(tiny_store, tmp_path / "run", config)
    steps = card["input"]["steps"]
    assert {"step": "test_pipeline.Jitter", "metres": 0.5} in steps
    assert {"step": "ViewChange", "max_degrees": 5} in steps
    pipeline = load_checkpoint(tmp_path / "run", steps=[Jitter]).pipeline
    assert pipeline.find(Jitter) == Jitter(0.5)
    with pytest.raises(ValueError, match=r"step 'test_pipeline\.Jitter' is not one of lst.*steps=\[Jitter\]"):
        load_checkpoint(tmp_path / "run")
    # In training it moves every clip as a whole, in a test nothing.
    plain = pipeline.without(Jitter)
    ours, theirs = (next(batches_of(tiny_store, p, 4).train(0, 0)).x_NCTVM for p in (pipeline, plain))
    moved = (ours - theirs).flatten(2)
    torch.testing.assert_close(moved, moved[..., :1].expand_as(moved), atol=1e-6, rtol=0)
    assert moved.std() > 0.1
    ours, theirs = (next(ClipBatches.test(batches_of(tiny_store, p, 4))).x_NCTVM for p in (pipeline, plain))
    assert torch.equal(ours, theirs)


def test_a_recipe_with_changes_is_plain_data():
    config = replace(get_recipe("ntu60-xsub-joint"), input=["Rotate.max_radians=0.2"])
    assert config.input == ("Rotate.max_radians=0.2",)


def test_loose_clips_say_who_is_in_them(ntu: ClipStore):
    clips = [ntu.clip(i) for i in range(3)]
    inputs = prepare_arrays(clips, NTU)
    assert inputs.present_B is not None
    assert inputs.present_B.tolist() == [0, 2, 3, 4]
    (batch,) = batches_of(ntu, NTU, clips=[0, 1, 2]).test()
    assert torch.equal(batch.inputs.x_NCTVM, inputs.x_NCTVM)
    assert batch.inputs.present_B is not None
    assert torch.equal(batch.inputs.present_B, inputs.present_B)
    one = InputPipeline(skeleton=get_layout("kinect_v2_25"), num_persons=1, steps=NTU.steps)
    assert prepare_arrays(clips, one).present_B is None
