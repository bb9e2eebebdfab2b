"""What can be measured of a picture: it exists, holds the right marks, and nothing is cut off or overlaps."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from lst.evaluation import plots
from lst.evaluation.plots import plot_clip, plot_confusion, plot_training

STICK_PARENTS = [0, 0, 1, 1, 1]
STICK = np.array([[0, 0, 3], [0, 1, 3], [0, 1.5, 3], [-0.5, 0.5, 3], [0.5, 0.5, 3.0]])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures of the test, in order, as they are written."""
    figures: list[Figure] = []
    save = plots._save

    def keep(figure: Figure, path: Path) -> None:
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(plots, "_save", keep)
    return figures


def names(K: int) -> list[str]:
    return [f"class number {k} of a long name" for k in range(K)]


def is_picture(path: Path) -> bool:
    image = imread(path)[..., :3]
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    return bool((border == 1).all() and (image != 1).any())  # a white border: nothing is cut off


# --- confusion matrix -------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [1, 2, 20, 21, 60, 120])
def test_confusion_is_readable_at_any_size(tmp_path: Path, drawn: list[Figure], K: int):
    matrix = 9 * np.eye(K, dtype=int) + np.eye(K, k=1, dtype=int)
    plot_confusion(matrix, names(K), tmp_path / "c.png", title="a title " * 12)
    assert is_picture(tmp_path / "c.png")
    axes = drawn[0].axes[0]
    assert len(axes.texts) == (2 * K - 1 if K <= 20 else 0)  # numbers only where they fit
    for labels, side in ((axes.get_yticklabels(), "height"), (axes.get_xticklabels(), "width")):
        extents = [label.get_window_extent() for label in labels]
        starts = sorted(extent.y0 if side == "height" else extent.x0 for extent in extents)
        assert len(starts) == K
        if K > 1:
            assert min(np.diff(starts)) >= 0.9 * max(getattr(extent, side) for extent in extents)


def test_confusion_numbers_are_percent_of_each_row(tmp_path: Path, drawn: list[Figure]):
    plot_confusion(
        np.array([[3, 1, 0], [0, 0, 0], [1, 0, 399]]), ["sit", "stand", "wave"], tmp_path / "c.png"
    )
    axes = drawn[0].axes[0]
    found = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert found == {(0, 0): "75", (0, 1): "25", (2, 0): "<1", (2, 2): ">99"}
    assert axes.images[0].get_array().mask.tolist() == [[False] * 3, [True] * 3, [False] * 3]  # type: ignore[union-attr]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["sit (4)", "stand (0)", "wave (400)"]


def test_confusion_takes_any_name_as_it_is(tmp_path: Path, drawn: list[Figure]):
    plot_confusion(np.eye(3, dtype=int), ["$5 \\frac", "a\nb", "x" * 99], tmp_path / "c.png", title="$1")
    labels = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert labels == ["$5 \\frac", "a b", "x" * 33 + "…"]


@pytest.mark.parametrize(("shape", "K"), [((3, 3), 2), ((2, 3), 2), ((0, 0), 0)])
def test_confusion_refuses_what_does_not_fit(tmp_path: Path, shape, K):
    with pytest.raises(ValueError, match=f"for {K} class names"):
        plot_confusion(np.zeros(shape, int), names(K), tmp_path / "c.png")
    assert list(tmp_path.iterdir()) == []


# --- training curves --------------------------------------------------------------------------------------


def log(epochs: int) -> list[dict]:
    return [
        {
            "epoch": e,
            "loss": 3 / e,
            "loss_classes": 2 / e,
            "loss_parts": 1 / e,
            "train_top1": 1 - 1 / e,
            "lr": 0.1,
        }
        for e in range(1, epochs + 1)
    ]


def curve(axes, label: str) -> list[tuple[float, float]]:
    line = next(line for line in axes.lines if line.get_label() == label)
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]


def test_training_draws_what_the_log_holds(tmp_path: Path, drawn: list[Figure]):
    rows = log(4)
    rows[1] |= {"test_top1": 0.25, "loss_parts": [0.5, 1.5]}
    rows[3] |= {"test_top1": 0.5}
    rows[0] |= {"test_top1": None}
    plot_training(rows[::-1], tmp_path / "t.png")  # any order
    assert is_picture(tmp_path / "t.png")
    left, right = drawn[0].axes[:2]
    assert curve(right, "test") == [(2, 25), (4, 50)]
    assert curve(right, "train") == [(1, 0), (2, 50), (3, pytest.approx(200 / 3)), (4, 75)]
    assert curve(left, "total loss") == [(1, 3), (2, 1.5), (3, 1), (4, 0.75)]
    assert curve(left, "parts (texts)")[:2] == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    "rows",
    [
        log(1),
        log(110),
        [{"epoch": 0}],
        [{"epoch": 1, "loss": 2.0}],
        [{"epoch": 1, "loss": float("nan"), "lr": 0.0}, {"epoch": 2, "loss": float("inf"), "lr": 0.0}],
        [{"epoch": e, "loss": 1.0, "lr": 0.1 * 0.1**e} for e in range(4)],
    ],
    ids=["one", "many", "nothing", "loss only", "diverged", "rates"],
)
def test_training_takes_any_log(tmp_path: Path, drawn: list[Figure], rows):
    plot_training(rows, tmp_path / "t.png")
    assert is_picture(tmp_path / "t.png")
    ticks = [t for t in drawn[0].axes[0].get_xticks() if rows[0]["epoch"] <= t <= rows[-1]["epoch"]]
    assert ticks
    assert all(float(t).is_integer() for t in ticks)


def test_training_refuses_an_empty_log(tmp_path: Path):
    with pytest.raises(ValueError, match="the training log is empty"):
        plot_training([], tmp_path / "t.png")


# --- one clip ---------------------------------------------------------------------------------------------


def moving_stick(T: int, C: int = 3) -> np.ndarray:
    return (STICK + np.linspace(0, 1, T)[:, None, None] * [1, 0, 0])[..., :C]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


@pytest.mark.parametrize(
    ("T", "frames"),
    [(1, [0]), (5, [0, 1, 2, 3, 4]), (8, list(range(8))), (36, [0, 5, 10, 15, 20, 25, 30, 35])],
)
@pytest.mark.parametrize("C", [2, 3])
def test_clip_shows_evenly_spaced_frames(
    tmp_path: Path, drawn: list[Figure], T: int, frames: list[int], C: int
):
    plot_clip(moving_stick(T, C), STICK_PARENTS, tmp_path / "p.png", title="a $clip_1")
    assert is_picture(tmp_path / "p.png")
    assert titles(drawn[0]) == [f"frame {frame}" for frame in frames]


def test_clip_draws_bones_in_one_scale(tmp_path: Path, drawn: list[Figure]):
    plot_clip(moving_stick(10), STICK_PARENTS, tmp_path / "p.png", frames=2)
    first, last = drawn[0].axes
    bones = [line.get_xydata().tolist() for line in last.lines[:-1]]  # type: ignore[union-attr]
    assert bones == [[[1, 1], [1, 0]], [[1, 1.5], [1, 1]], [[0.5, 0.5], [1, 1]], [[1.5, 0.5], [1, 1]]]
    assert (first.get_xlim(), first.get_ylim()) == (last.get_xlim(), last.get_ylim())
    assert first.get_aspect() == 1
    low, high = first.get_xlim()
    assert low < -0.5
    assert high > 1.5


@pytest.mark.parametrize(("up", "grows"), [("+y", True), ("-y", False)])
def test_clip_stands_upright(tmp_path: Path, drawn: list[Figure], up, grows):
    plot_clip(moving_stick(2), STICK_PARENTS, tmp_path / "p.png", up=up)
    low, high = drawn[0].axes[0].get_ylim()
    assert (low < high) == grows


@pytest.mark.parametrize(
    "joints",
    [
        np.zeros((3, 5, 3)),
        np.full((3, 5, 3), np.nan),
        np.ones((3, 5, 2)),
        np.where(np.arange(5)[:, None] == 2, np.nan, moving_stick(3)),
    ],
    ids=["nobody", "unknown", "one point", "one joint unknown"],
)
def test_clip_takes_degenerate_figures(tmp_path: Path, joints):
    plot_clip(joints, STICK_PARENTS, tmp_path / "p.png")
    assert is_picture(tmp_path / "p.png")


def test_an_all_zero_frame_does_not_shrink_the_rest(tmp_path: Path, drawn: list[Figure]):
    joints = moving_stick(3) + np.array([10, 0, 0])
    joints[1] = 0
    plot_clip(joints, STICK_PARENTS, tmp_path / "p.png")
    assert drawn[0].axes[0].get_xlim()[0] > 9


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((3, 5), "expected joints"),
        ((0, 5, 3), "at least 1"),
        ((3, 5, 4), "C of 2 or 3"),
        ((3, 4, 3), "5 parents for 4"),
    ],
)
def test_clip_refuses_what_does_not_fit(tmp_path: Path, shape, words):
    with pytest.raises(ValueError, match=words):
        plot_clip(np.ones(shape), STICK_PARENTS, tmp_path / "p.png")


def test_pictures_use_no_pyplot():
    assert "pyplot" not in Path(plots.__file__).read_text().replace("no pyplot", "")
