"""Prompt choices: their texts word for word, the joints they are compared with, and that each one trains."""

import hashlib
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from lst.data.store.clip_store import ClipStore
from lst.facts.body_parts import PARTS, joints_of
from lst.facts.choices import PromptChoice
from lst.facts.skeleton import LAYOUTS, get_layout
from lst.nets.supervision import LanguageSupervision, TextBank
from lst.text.descriptions import ActionText
from lst.text.prompt_choices import PROMPTS, HeadTexts, gap_heads, prompt_heads
from lst.text.vectors import default_vectors
from lst.training.build import assemble
from lst.training.recipes import get_recipe
from lst.training.text_config import TextConfig

WAVE = ActionText("wave", ("wave", "say hello"), "Somebody waves.", " h", "ha", "ar", "hi ", "le", "fo")
ALL = ("head", "hand", "arm", "hip", "leg", "foot")
FOUR = (("head", ("head",)), ("hand", ("hand", "arm")), ("hip", ("hip",)), ("foot", ("leg", "foot")))
SYNONYMS = HeadTexts("whole", ALL, ("wave", "say hello"))
PARTS4 = tuple(
    HeadTexts(name, parts, (text,))
    for (name, parts), text in zip(FOUR, ("wave, h", "wave, ha, ar", "wave, hi", "wave, le, fo"), strict=True)
)
SNAPSHOTS: dict[PromptChoice, tuple[HeadTexts, ...]] = {
    "label": (
        HeadTexts("whole", ALL, ("wave",)),
        *(HeadTexts(name, parts, ("wave",)) for name, parts in FOUR),
    ),
    "template": (
        HeadTexts(
            "whole",
            ALL,
            (
                "wave",
                "human action: wave",
                "people in motion: wave",
                "a body performs this movement: wave",
                "what happens here is wave",
            ),
        ),
        HeadTexts("head", ("head",), ("the head of a person during the action: wave", "wave, only the head")),
        HeadTexts(
            "hand",
            ("hand", "arm"),
            ("the hands and arms of a person during the action: wave", "wave, only the hands and arms"),
        ),
        HeadTexts("hip", ("hip",), ("the hips of a person during the action: wave", "wave, only the hips")),
        HeadTexts(
            "foot",
            ("leg", "foot"),
            ("the legs and feet of a person during the action: wave", "wave, only the legs and feet"),
        ),
    ),
    "synonyms": (SYNONYMS,),
    "sentence": (HeadTexts("whole", ALL, ("Somebody waves.",)),),
    "parts1": (SYNONYMS, HeadTexts("body", ALL, ("wave, h, ha, ar, hi, le, fo",))),
    "parts2": (
        SYNONYMS,
        HeadTexts("upper", ("head", "hand", "arm"), ("wave, h, ha, ar",)),
        HeadTexts("lower", ("hip", "leg", "foot"), ("wave, hi, le, fo",)),
    ),
    "parts4": (SYNONYMS, *PARTS4),
    "parts6": (
        SYNONYMS,
        HeadTexts("head", ("head",), ("wave, h",)),
        HeadTexts("hand", ("hand",), ("wave, ha",)),
        HeadTexts("arm", ("arm",), ("wave, ar",)),
        HeadTexts("hip", ("hip",), ("wave, hi",)),
        HeadTexts("leg", ("leg",), ("wave, le",)),
        HeadTexts("foot", ("foot",), ("wave, fo",)),
    ),
    "mixed": (HeadTexts("whole", ALL, ("wave", "say hello", "Somebody waves.")), *PARTS4),
}


def test_every_choice_is_here():
    assert set(get_args(PromptChoice)) == set(PROMPTS) == set(SNAPSHOTS)
    assert next(iter(PROMPTS)) == get_recipe("nw-ucla-joint").text.prompts == "parts4"


@pytest.mark.parametrize("choice", SNAPSHOTS)
def test_texts_of_one_class(choice: PromptChoice):
    assert PROMPTS[choice](WAVE) == SNAPSHOTS[choice]


def test_heads_hold_all_classes_in_order():
    nod = replace(WAVE, name="nod", synonyms=("nod",))
    whole, upper, lower = prompt_heads("parts2", [WAVE, nod])
    assert (whole.name, whole.texts_KS) == ("whole", (("wave", "say hello"), ("nod",)))
    assert (upper.parts, upper.texts_KS) == (
        ("head", "hand", "arm"),
        (("wave, h, ha, ar",), ("nod, h, ha, ar",)),
    )
    assert lower.name == "lower"
    with pytest.raises(ValueError, match=r"unknown prompts 'parts5'\. Did you mean 'parts"):
        prompt_heads("parts5", [WAVE])  # type: ignore[arg-type]


# --- body parts ---


@pytest.mark.parametrize("layout", LAYOUTS)
def test_six_parts_of_every_layout(layout: str):
    skeleton = get_layout(layout)
    six = {part: set(skeleton.joints_of([part])) for part in PARTS}
    four = {name: set(index) for name, index in skeleton.part_index().items()}
    assert all(six.values())
    assert (six["head"], six["hip"]) == (four["head"], four["hip"])
    for pair, pooled in ((("hand", "arm"), "hand"), (("leg", "foot"), "foot")):
        assert six[pair[0]] | six[pair[1]] == four[pooled] == set(skeleton.joints_of(pair))
        assert not six[pair[0]] & six[pair[1]]
    assert skeleton.joints_of(PARTS) == tuple(range(skeleton.num_joints))


def test_six_parts_by_name():
    def names(layout: str, *parts) -> set[str]:
        return {get_layout(layout).joints[v].lower() for v in get_layout(layout).joints_of(parts)}

    sides = ("left", "right")
    assert names("kinect_v2_25", "hand") == {
        f"{joint}{side}" for joint in ("wrist", "hand", "handtip", "thumb") for side in sides
    }
    assert names("kinect_v2_25", "arm") == {
        f"{joint}{side}" for joint in ("shoulder", "elbow") for side in sides
    }
    assert names("coco_17", "foot") == {"left_ankle", "right_ankle"}
    assert names("openpose_body25", "leg") == {"rhip", "lhip", "rknee", "lknee"}
    assert names("mediapipe_33", "foot") == {
        f"{side}_{joint}" for joint in ("ankle", "heel", "foot_index") for side in sides
    }
    assert names("azure_kinect_32", "arm") == {
        f"{joint}_{side}" for joint in ("clavicle", "shoulder", "elbow") for side in sides
    }
    halves = names("kinect_v1_20", "head", "hand", "arm"), names("kinect_v1_20", "hip", "leg", "foot")
    assert halves[0] | halves[1] == {joint.lower() for joint in get_layout("kinect_v1_20").joints}
    assert not halves[0] & halves[1]


def test_joints_that_tell_nothing_are_no_obstacle_to_the_four():
    parts = {"head": ("Skull",), "hand": ("Paw", "Elbow"), "hip": ("Hip",), "foot": ("Hoof",)}
    assert joints_of(("hand", "arm"), parts) == {"Paw", "Elbow"}
    with pytest.raises(ValueError, match="joint 'Paw' does not tell whether it belongs to hand or arm"):
        joints_of(("hand",), parts)
    with pytest.raises(ValueError, match="no joint belongs to hand"):
        joints_of(("hand",), {**parts, "hand": ("Elbow",)})
    with pytest.raises(ValueError, match="there is no part 'hip', only head"):
        joints_of(PARTS, {"head": ("Skull",), "hand": ("Hand", "Elbow")})


# --- the bank ---


def test_each_head_draws_for_itself_and_equally_often():
    # Head 0 has 5 texts, head 1 has 2, head 2 one: text t has the vector (t,).
    index_PKS = torch.tensor([[[0, 1, 2, 3, 4]], [[5, 6, -1, -1, -1]], [[7, -1, -1, -1, -1]]])
    bank = TextBank(torch.arange(8.0)[:, None], index_PKS)
    draws = (torch.arange(10_000) + 0.5) / 10_000
    texts_PN = bank(torch.zeros(10_000, dtype=torch.long), draws)[..., 0].int()
    assert texts_PN[0].tolist() == [int(5 * draw) for draw in draws.tolist()]  # the draw itself
    assert (texts_PN[2] == 7).all()
    # Every pair of a text of head 0 and one of head 1 comes equally often: 10000 / 10, up to 5 %.
    pairs, times = (texts_PN[0] * 10 + texts_PN[1]).unique(return_counts=True)
    assert len(pairs) == 10
    assert (times - 1000).abs().max() < 50


# --- vectors and training ---

# SHA-256 over the vectors of parts4, gap and sentence in the order of their sorted texts, computed from the
# files of the first commit, which had no others.
FIRST_VECTORS = {
    "nw-ucla": "418b712f9b9617b8b4cffa8d721e4994dd59539fe571c2a0d25241d958cb6b27",
    "synthetic": "1ec4b3499fb9c7d08e403c784915793d21bea8626bc0db3ea24b7f22d6e16016",
}


@pytest.mark.parametrize("dataset", FIRST_VECTORS)
def test_texts_of_the_method_kept_their_vectors_bit_for_bit(dataset: str):
    shipped = default_vectors(dataset)
    classes = shipped.classes
    heads = (*prompt_heads("parts4", classes), *gap_heads(classes), *prompt_heads("sentence", classes))
    texts = sorted({text for head in heads for texts in head.texts_KS for text in texts})
    rows_TD = shipped.vectors_TD[[shipped.place[text] for text in texts]]
    assert hashlib.sha256(rows_TD.tobytes()).hexdigest() == FIRST_VECTORS[dataset]


NUM_HEADS = {"synonyms": 1, "sentence": 1, "parts1": 2, "parts2": 3, "parts6": 7}


@pytest.mark.parametrize("choice", PROMPTS)
def test_a_recipe_with_these_prompts_takes_a_step(choice: PromptChoice, tiny_store: ClipStore):
    config = replace(
        get_recipe("demo-joint"),
        text=TextConfig(prompts=choice),
        encoder_width=8,
        clip_length=8,
        batch_size=4,
        precision="fp32",
    )
    parts = assemble(config, tiny_store, torch.device("cpu"))
    net = parts.supervision
    assert isinstance(net, LanguageSupervision)
    heads = NUM_HEADS.get(choice, 5)
    assert len(net.project) == heads
    torch.testing.assert_close(net.weights_PV.sum(dim=1), torch.ones(heads))
    batch = next(parts.train.train(1, 0))
    terms = net(batch.x_NCTVM, batch.labels_N, batch.text_draws_N)
    assert terms.parts_P.shape == (heads,)
    (terms.classes + terms.parts_P.mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    # Each clip's texts are its class's own.
    vectors, texts_PND = default_vectors("synthetic"), net.bank(batch.labels_N, batch.text_draws_N)
    for head, texts_ND in zip(prompt_heads(choice, vectors.classes), texts_PND, strict=True):
        for label, text_D in zip(batch.labels_N.tolist(), texts_ND.numpy(), strict=True):
            own = [vectors.vectors_TD[vectors.place[text]] for text in head.texts_KS[label]]
            assert any(np.array_equal(text_D, vector_D) for vector_D in own)


def test_weights_pool_the_joints_of_the_head(tiny_store: ClipStore):
    config = replace(
        get_recipe("demo-joint"), text=TextConfig(prompts="parts6"), encoder_width=8, clip_length=8
    )
    net = assemble(config, tiny_store, torch.device("cpu")).supervision
    assert isinstance(net, LanguageSupervision)
    skeleton = get_layout("kinect_v1_20")
    for part, row_V in zip(PARTS, net.weights_PV[1:], strict=True):
        assert tuple(row_V.nonzero().flatten().tolist()) == skeleton.joints_of([part])
        assert row_V.max() == pytest.approx(1 / len(skeleton.joints_of([part])))


def test_official_quirks_go_with_the_official_prompts():
    with pytest.raises(
        ValueError, match="parity gap has the prompts of the official code, parts4; got 'mixed'"
    ):
        get_recipe("gap-nw-ucla-joint").with_text(prompts="mixed")
