"""Benchmarks: their table, class names, labels, clip ids and counts."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clip_names import ntu_id, ucla_id
from lst.facts import splits
from lst.facts.benchmarks import BENCHMARKS, get_benchmark
from lst.facts.clip_ids import NtuId, UclaId, parse_ntu_id, parse_ucla_id
from lst.facts.skeleton import LAYOUTS

NTU60 = get_benchmark("ntu60-xsub")
NTU120 = get_benchmark("ntu120-xsub")
UCLA = get_benchmark("nw-ucla")
CLEAN = get_benchmark("nw-ucla-clean")
SYNTHETIC = get_benchmark("synthetic")


# ---- the table ----


def test_the_benchmarks_and_their_data_sets():
    assert {name: b.dataset for name, b in BENCHMARKS.items()} == {
        "nw-ucla": "nw-ucla",
        "nw-ucla-clean": "nw-ucla",
        "ntu60-xsub": "ntu60",
        "ntu60-xview": "ntu60",
        "ntu120-xsub": "ntu120",
        "ntu120-xset": "ntu120",
        "synthetic": "synthetic",
    }


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_every_benchmark_is_complete(benchmark):
    assert benchmark.layout in LAYOUTS
    assert set(benchmark.expected) == {"train", "test"}
    assert all(name == name.strip() and name for name in benchmark.class_names)
    assert benchmark.copied_test_clips == {
        clip for clip in benchmark.copied_test_clips if benchmark.rule(clip) == "test"
    }


@pytest.mark.parametrize(
    ("name", "classes", "persons", "frames", "layout", "train", "test"),
    [
        ("nw-ucla", 10, 1, 52, "kinect_v1_20", 1020, 464),
        ("nw-ucla-clean", 10, 1, 52, "kinect_v1_20", 925, 464),
        ("ntu60-xsub", 60, 2, 64, "kinect_v2_25", 40091, 16487),
        ("ntu60-xview", 60, 2, 64, "kinect_v2_25", 37646, 18932),
        ("ntu120-xsub", 120, 2, 64, "kinect_v2_25", 63026, 50919),
        ("ntu120-xset", 120, 2, 64, "kinect_v2_25", 54468, 59477),
        ("synthetic", 12, 1, 52, "kinect_v1_20", 576, 288),
    ],
)
def test_sizes(name, classes, persons, frames, layout, train, test):
    b = get_benchmark(name)
    assert (b.num_classes, b.num_persons, b.clip_length, b.layout) == (classes, persons, frames, layout)
    assert b.expected == {"train": train, "test": test}


def test_unknown_benchmark():
    with pytest.raises(ValueError, match=r"unknown benchmark 'nwucla'. Did you mean 'nw-ucla'\?"):
        get_benchmark("nwucla")


def test_notice_only_where_the_test_set_leaks():
    assert [name for name, b in BENCHMARKS.items() if b.notice] == ["nw-ucla"]
    assert UCLA.notice is not None
    assert "\n" not in UCLA.notice
    for word in ("95", "464", "nw-ucla-clean", "copies"):
        assert word in UCLA.notice


# ---- class names and labels ----


def test_ntu_class_names_equal_the_reference_table(shared):
    text = (shared / "reference" / "data.md").read_text()
    rows = re.findall(r"\| A(\d+) \| ([^|\n]+?) (?=\|)", text)
    by_number = {int(number): name for number, name in rows}
    assert list(NTU120.class_names) == [by_number[n] for n in range(1, 121)]


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (1, "drink water"),
        (10, "clapping"),
        (25, "put something inside pocket / take out something from pocket"),
        (50, "punching/slapping other person"),
        (60, "walking apart from each other"),
        (61, "put on headphone"),
        (67, "hush (quite)"),
        (106, "hit other person with something"),
        (120, "finger-guessing game (playing rock-paper-scissors)"),
    ],
)
def test_ntu_class_names(action, name):
    label = NTU120.label_of(ntu_id(setup=18, action=action))
    assert label == action - 1
    assert NTU120.class_names[label] == name


def test_ntu60_has_the_first_60_classes():
    assert NTU60.class_names == NTU120.class_names[:60]
    with pytest.raises(ValueError, match=r"action 61 is no class of 'ntu60-xsub', whose actions are 1 to 60"):
        NTU60.label_of(ntu_id(action=61))


@pytest.mark.parametrize("benchmark", [UCLA, CLEAN], ids=["standard", "clean"])
@pytest.mark.parametrize(
    ("label", "action", "name"),
    [
        (0, 1, "pick up with one hand"),
        (1, 2, "pick up with two hands"),
        (2, 3, "drop trash"),
        (3, 4, "walk around"),
        (4, 5, "sit down"),
        (5, 6, "stand up"),
        (6, 8, "donning"),
        (7, 9, "doffing"),
        (8, 11, "throw"),
        (9, 12, "carry"),
    ],
)
def test_nw_ucla_labels(benchmark, label, action, name):
    assert benchmark.label_of(ucla_id(action=action)) == label
    assert benchmark.class_names[label] == name


@pytest.mark.parametrize("action", [0, 7, 10, 13])
def test_nw_ucla_has_gaps_in_its_actions(action):
    with pytest.raises(ValueError, match=f"action {action} is no class .* 1, 2, 3, 4, 5, 6, 8, 9, 11, 12"):
        UCLA.label_of(ucla_id(action=action))


def test_synthetic_classes():
    assert SYNTHETIC.class_names == (
        "wave right hand",
        "wave both hands",
        "clap",
        "punch forward",
        "raise both arms",
        "drink from cup",
        "nod head",
        "bow",
        "squat",
        "kick forward",
        "march in place",
        "jump",
    )
    assert [SYNTHETIC.label_of(ucla_id(action=a)) for a in range(1, 13)] == list(range(12))


@given(st.sampled_from(list(BENCHMARKS.values())), st.data())
def test_every_label_is_reached_by_exactly_one_action(benchmark, data):
    label = data.draw(st.integers(0, benchmark.num_classes - 1))
    make = ntu_id if benchmark.layout == "kinect_v2_25" else ucla_id
    known = benchmark.actions or range(1, benchmark.num_classes + 1)
    assert [a for a in known if benchmark.label_of(make(action=a)) == label] == [list(known)[label]]


# ---- clip ids ----


@given(st.lists(st.integers(0, 999), min_size=5, max_size=5))
def test_ntu_id_round_trip(numbers):
    assert parse_ntu_id(ntu_id(*numbers)) == NtuId(*numbers)


@given(st.lists(st.integers(0, 99), min_size=4, max_size=4))
def test_ucla_id_round_trip(numbers):
    assert parse_ucla_id(ucla_id(*numbers)) == UclaId(*numbers)


@pytest.mark.parametrize(
    "clip_id",
    [
        "",
        "S001C002P003R001A060.skeleton",
        "nturgb+d_skeletons/S001C002P003R001A060",
        "s001c002p003r001a060",
        "S001C002P003R001A60",
        "S001C002P003R001A0600",
        "S001C002P003R001A060\n",
        "S001C002P003R001A06٠",  # an Arabic zero is a digit for \d
        "a01_s02_e03_v01",
    ],
)
def test_malformed_ntu_id_shows_the_form(clip_id):
    for ask in (NTU60.rule, NTU120.label_of, get_benchmark("ntu60-xview").rule, splits.ntu120_xset):
        with pytest.raises(ValueError, match="expected the form SsssCcccPpppRrrrAaaa") as error:
            ask(clip_id)
        assert repr(clip_id) in str(error.value)


@pytest.mark.parametrize(
    "clip_id",
    ["", "a01_s02_e03", "a1_s2_e3_v1", "a01_s02_e03_v01.json", "A01_S02_E03_V01", "S001C002P003R001A060"],
)
def test_malformed_nw_ucla_id_shows_the_form(clip_id):
    for ask in (UCLA.rule, UCLA.label_of, CLEAN.rule, SYNTHETIC.rule, splits.nw_ucla_twin):
        with pytest.raises(ValueError, match="expected the form aAA_sSS_eEE_vVV") as error:
            ask(clip_id)
        assert repr(clip_id) in str(error.value)


# ---- counts ----


def test_check_counts_says_what_is_missing():
    assert UCLA.check_counts({"train": 1020, "test": 464}) == []
    assert UCLA.check_counts({"train": 20, "test": 465}) == [
        "nw-ucla: expected 1,020 train clips, found 20 (1,000 missing)",
        "nw-ucla: expected 464 test clips, found 465 (1 too many)",
    ]
    assert UCLA.check_counts({"train": 1020}) == [
        "nw-ucla: expected 464 test clips, found 0 (464 missing)",
    ]


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_check_counts_has_one_sentence_per_wrong_split(train, test):
    sentences = UCLA.check_counts({"train": train, "test": test})
    assert len(sentences) == (train != 1020) + (test != 464)


def test_wrong_benchmark_is_refused():
    with pytest.raises(ValueError, match="class names are repeated"):
        replace(UCLA, class_names=("sit down",) * 10)
    with pytest.raises(ValueError, match="expected 10 different action numbers, one per class"):
        replace(UCLA, actions=(1, 2, 3))
