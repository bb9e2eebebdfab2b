"""Implausible recordings are told by name: unit, up, origin, joints exchanged, sides, missing joints."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lst.data.input.body_statistics import (
    BodyStatistics,
    body_statistics,
    path_length,
    statistics_from_json,
    statistics_json,
    store_statistics,
)
from lst.data.input.plausibility import check_body
from lst.data.input.presets import own_pipeline
from lst.data.store.clip_store import ClipStore, StoredClip, write_store
from lst.data.synthetic.clips import LAYOUT, synthetic_clips
from lst.facts.coordinates import Coordinates
from lst.facts.joint_roles import mirrored_order
from lst.facts.skeleton import get_layout
from lst.training.body import told_at_training, told_at_use
from lst.workflows.measure import measure_run

V1 = get_layout(LAYOUT)
Clips = list[np.ndarray]


@pytest.fixture(scope="module")
def people() -> tuple[Clips, Clips]:
    """Clips centred on the hips: of persons to train on, and of others."""
    made = list(synthetic_clips(subjects=6, episodes=1, views=1))
    centred = [(c.attributes["subject"], c.joints_MTVC - c.joints_MTVC[:1, :1, :1]) for c in made]
    return [x for s, x in centred if s <= 3], [x for s, x in centred if s > 3]


@pytest.fixture(scope="module")
def training(people: tuple[Clips, Clips]) -> BodyStatistics:
    return body_statistics(people[0], V1)


def exchanged(first: str, second: str) -> list[int]:
    order = list(range(V1.num_joints))
    a, b = V1.joints.index(first), V1.joints.index(second)
    order[a], order[b] = b, a
    return order


MISTAKES: list[tuple[str, Callable[[np.ndarray], np.ndarray], list[str], str]] = [
    ("nothing", lambda x: x, [], ""),
    ("millimetres", lambda x: 1000 * x, ["unit"], "looks like millimetres; say --unit mm"),
    ("centimetres", lambda x: 100 * x, ["unit"], "looks like centimetres; say --unit cm"),
    ("scaled", lambda x: x / 10, ["unit"], "looks scaled, not metric"),
    ("y down", lambda x: x * [-1, -1, 1], ["up"], "heads lie on the side of -y, .* say --up -y"),
    ("z up", lambda x: x[..., [0, 2, 1]] * [1, -1, 1], ["up"], "say --up z"),
    (
        "not centred",
        lambda x: x + np.array([0, 0, 3.0]),
        ["origin"],
        "the hips begin 3.00 from the origin, .*centred",
    ),
    (
        "two joints swapped",
        lambda x: x[:, :, exchanged("HandLeft", "KneeRight")],
        ["joints"],
        "HandLeft and KneeRight look exchanged; .*--joints",
    ),
    (
        "neighbours swapped",
        lambda x: x[:, :, exchanged("Spine", "ElbowLeft")],
        ["joints"],
        "Spine and ElbowLeft",
    ),
    ("left and right", lambda x: x[:, :, mirrored_order(V1)], ["sides"], "left and right look exchanged"),
]


@pytest.mark.parametrize(("change", "kinds", "text"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_each_mistake_is_told_by_name(
    change: Callable[[np.ndarray], np.ndarray],
    kinds: list[str],
    text: str,
    people: tuple[Clips, Clips],
    training: BodyStatistics,
):
    findings = check_body(body_statistics(map(change, people[1]), V1), training, None, V1)
    assert [finding.kind for finding in findings] == kinds
    if kinds:
        assert re.search(text, str(findings[0])), str(findings[0])


@pytest.mark.parametrize("number", [1, 4, 5])
def test_unit_and_up_are_told_without_a_training(number: int, people: tuple[Clips, Clips]):
    _, change, kinds, _ = MISTAKES[number]
    findings = check_body(body_statistics(map(change, people[0]), V1), None, None, V1)
    assert [finding.kind for finding in findings] == kinds


def test_a_wrong_order_is_told_without_a_training(people: tuple[Clips, Clips]):
    order = exchanged("HandLeft", "KneeRight")
    (finding,) = check_body(body_statistics([x[:, :, order] for x in people[0]], V1), None, None, V1)
    assert finding.kind == "joints"
    assert "HandLeft" in finding.message
    assert check_body(body_statistics(people[0], V1), None, None, V1) == []


def test_what_the_pipeline_puts_right_does_not_matter(people: tuple[Clips, Clips], training: BodyStatistics):
    away = body_statistics([1000 * x + [0, 0, 3000.0] for x in people[1]], V1)
    assert [f.kind for f in check_body(away, training, None, V1, scaled=True)] == ["origin"]
    assert check_body(away, training, None, V1, scaled=True, centred=True) == []


def test_missing_joints_and_nobody(people: tuple[Clips, Clips], training: BodyStatistics):
    gone = [x.copy() for x in people[1]]
    for x in gone:
        x[:, :, V1.joints.index("HandLeft")] = np.nan
    gone[0][0, 0, 0, 0] = np.inf
    findings = check_body(body_statistics(gone, V1), training, None, V1)
    assert [str(f) for f in findings if "HandLeft in 100 % of the poses" in str(f)]
    assert [str(f) for f in findings if "1 numbers are infinite" in str(f)]
    nobody = body_statistics([np.zeros((1, 4, 20, 3)), np.full((1, 4, 20, 3), np.nan)], V1)
    assert nobody.poses == 0
    (finding,) = check_body(nobody, training, None, V1)
    assert "nobody is in these recordings" in finding.message
    assert body_statistics([], V1).poses == 0


def test_statistics_by_hand():
    """A stick of one pose: hips at 1 m, shoulders 0.5 m above, head 0.25 m above them, legs straight down."""
    x = np.zeros((1, 1, 20, 3))
    heights = {"HipCenter": 1.0, "Spine": 1.2, "ShoulderCenter": 1.5, "Head": 1.75}
    heights |= {"Hip": 1.0, "Knee": 0.6, "Ankle": 0.2, "Foot": 0.1}
    for i, joint in enumerate(V1.joints):
        x[..., i, 1] = heights.get(joint.removesuffix("Left").removesuffix("Right"), 1.4)
    got = body_statistics([x, x * [1, 1.2, 1]], V1)
    assert got.poses == 2
    assert got.up == "y"
    assert got.bones["KneeLeft"] == pytest.approx(0.44)
    assert got.spreads["KneeLeft"] == pytest.approx(0.04 / 0.44)
    assert got.stature == pytest.approx(1.1 * 1.65)
    assert got.hips_off == pytest.approx(1.1)
    assert path_length(got.bones, V1, "HipCenter", "KneeLeft") == pytest.approx(0.44)
    assert path_length({"KneeLeft": 1.0}, V1, "HipCenter", "KneeLeft") is None


def test_statistics_survive_json(training: BodyStatistics):
    values = json.loads(json.dumps(statistics_json(training)))
    assert statistics_from_json(values) == replace(training, distances=())
    with pytest.raises(ValueError, match=r"body: .*stature"):
        statistics_from_json({**values, "stature": "tall"})


def test_pictures_have_no_unit_but_an_up(people: tuple[Clips, Clips]):
    pictures = [200 * x[..., :2] for x in people[0]]
    pixels = Coordinates(unit="px", channels="xy")
    assert check_body(body_statistics(pictures, V1, dims=2), None, pixels, V1) == []
    (finding,) = check_body(body_statistics([-x for x in pictures], V1, dims=2), None, pixels, V1)
    assert (finding.kind, finding.remedy) == ("up", "say --up -y")


# ---- at training and at use ----------------------------------------------------------------


def own_store(folder: Path, clips: Clips) -> ClipStore:
    made = [StoredClip(f"clip{i:03d}", i % 2, x.astype(np.float32), {}) for i, x in enumerate(clips)]
    facts = {"class_names": ["a", "b"], "coordinates": Coordinates()}
    return write_store(folder, made, dataset="mine", layout=LAYOUT, source={}, problems=[], **facts)


def test_training_and_use_warn(people: tuple[Clips, Clips], tmp_path: Path, caplog: pytest.LogCaptureFixture):
    pipeline = own_pipeline(V1, Coordinates(), "joint", 16, 1)
    good, bad = (
        own_store(tmp_path / n, x) for n, x in (("g", people[0]), ("b", [1000 * x for x in people[1]]))
    )
    body = told_at_training(good, good.clip_ids, pipeline)
    assert caplog.text == ""
    everything = np.arange(len(bad))
    (finding,) = told_at_use({"body": body}, bad, everything, pipeline)
    assert f"{bad.folder}: {finding}" in caplog.text
    assert "--unit mm" in caplog.text
    assert told_at_use({}, bad, everything, pipeline) == []
    caplog.clear()
    told_at_training(bad, bad.clip_ids, pipeline)
    assert "--unit mm" in caplog.text


@pytest.mark.usefixtures("one_thread", "quick")
def test_the_card_keeps_the_body_and_the_test_compares(
    unbroken: Callable[..., Path], tiny_store: ClipStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    run = Path(shutil.copytree(unbroken(), tmp_path / "run"))
    card = json.loads((run / "card.json").read_text())
    train = np.array([i for i, clip_id in enumerate(tiny_store.clip_ids) if "_s09_" not in clip_id])
    assert card["body"] == statistics_json(store_statistics(tiny_store, train))
    measure_run(run, tiny_store, "cpu")
    assert "bones" not in caplog.text
    order = exchanged("HandLeft", "KneeRight")
    clips = [
        StoredClip(clip_id, int(tiny_store.labels[i]), tiny_store.clip(i)[:, :, order], {"action": 0})
        for i, clip_id in enumerate(tiny_store.clip_ids)
    ]
    kind = {"dataset": "synthetic", "layout": LAYOUT, "source": tiny_store.manifest["source"]}
    measure_run(run, write_store(tmp_path / "s", clips, problems=[], **kind), "cpu")
    assert "HandLeft and KneeRight look exchanged" in caplog.text
