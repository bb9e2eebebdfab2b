"""Pictures: confusion matrix, training curves, one clip as stick figures. All are written as PNG.

Figures are plain objects on the Agg canvas: no pyplot, hence no window, no display and no state shared.
Letters: K classes, T frames, V joints, C coordinates (2 or 3).
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from lst.files.whole import atomic_path

# Okabe and Ito's colours: told apart with any common form of colour blindness, and by lightness in print.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#767676"
DPI = 150


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    with atomic_path(Path(path)) as temporary:
        figure.savefig(
            temporary, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.15, facecolor="white"
        )


# --- confusion matrix -------------------------------------------------------------------------------------

NUMBERS_UP_TO = 20  # classes; with more, numbers no longer fit into the cells
LONGEST_NAME = 34  # letters


def plot_confusion(
    matrix_KK: np.ndarray, class_names: Sequence[str], path: Path, *, title: str | None = None
) -> None:
    """Draw a confusion matrix of clip counts (rows = class of the clip), coloured by percent of each row.

    Cells hold percentages up to 20 classes. The colour scale is a square root, so that rare confusions can be
    seen. Rows of classes without clips are grey. Raises ValueError if names and matrix do not fit.
    """
    counts = np.asarray(matrix_KK)
    K = len(class_names)
    if counts.shape != (K, K) or K == 0:
        raise ValueError(f"confusion matrix of shape {counts.shape} for {K} class names: expected {(K, K)}")
    clips = counts.sum(axis=1, keepdims=True)
    percent = np.ma.masked_array(
        100 * counts / np.maximum(clips, 1), np.broadcast_to(clips == 0, counts.shape)
    )
    cell = max(0.5, 3 / K) if K <= NUMBERS_UP_TO else max(0.13, 0.24 - 0.001 * K)  # inches
    figure = Figure(figsize=(K * cell, K * cell))
    axes = figure.add_axes((0, 0, 1, 1))  # names hang outside; saving grows the page to hold them
    _draw_cells(axes, percent)
    _draw_scale(figure, axes, inch=1 / (K * cell))
    _name_classes(axes, class_names, clips[:, 0], size=min(9.0, 52 * cell))
    if K <= NUMBERS_UP_TO:
        _write_numbers(axes, percent)
    if title:
        letters = int((K * cell + 1) / 0.078)  # that fit above the matrix and its scale
        axes.set_title(textwrap.fill(title, letters), fontsize=10, loc="left", parse_math=False)
    _save(figure, path)


def _draw_cells(axes: Axes, percent: np.ma.MaskedArray) -> None:
    K = percent.shape[0]
    axes.set_facecolor("#D0D0D0")
    axes.imshow(percent, cmap="Blues", norm=PowerNorm(0.5, 0, 100), interpolation="nearest")
    axes.set_xticks(np.arange(K + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(K + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#E4E4E4", linewidth=0.4)
    axes.tick_params(which="minor", length=0)


def _draw_scale(figure: Figure, axes: Axes, *, inch: float) -> None:
    """A colour bar of fixed size; `inch` is one inch as a fraction of the axes."""
    place = axes.inset_axes((1 + 0.2 * inch, 1 - min(1.0, 4 * inch), 0.15 * inch, min(1.0, 4 * inch)))
    bar = figure.colorbar(axes.images[0], cax=place)
    bar.set_ticks([0, 1, 5, 10, 25, 50, 100])
    bar.ax.tick_params(labelsize=8)
    bar.set_label("% of the clips of a class", fontsize=8)


def _name_classes(axes: Axes, class_names: Sequence[str], clips_K: np.ndarray, *, size: float) -> None:
    names = [_short(name) for name in class_names]
    counted = [f"{name} ({clips})" for name, clips in zip(names, clips_K, strict=True)]
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size, parse_math=False)
    axes.set_yticks(range(len(names)), counted, fontsize=size, parse_math=False)
    axes.set_xlabel("class given by the network", fontsize=10)
    axes.set_ylabel("class of the clip (number of clips)", fontsize=10)


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1].rstrip() + "…"


def _write_numbers(axes: Axes, percent: np.ma.MaskedArray) -> None:
    for (row, column), value in np.ndenumerate(percent.filled(0)):
        if value > 0:
            color = "white" if value > 35 else "black"
            axes.text(column, row, _rounded(value), ha="center", va="center", fontsize=8, color=color)


def _rounded(percent: float) -> str:
    """Whole percent, but neither 0 where there is an error nor 100 where there is one."""
    if 0 < percent < 1:
        return "<1"
    return ">99" if 99 < percent < 100 else f"{percent:.0f}"


# --- training curves --------------------------------------------------------------------------------------

LOSSES = {
    "loss": ("total loss", BLUE, "-"),
    "loss_classes": ("classes", ORANGE, "--"),
    "loss_parts": ("parts (texts)", GREEN, ":"),
}
ACCURACIES = {"train_top1": ("train", BLUE, "-"), "test_top1": ("test", ORANGE, "--")}


def plot_training(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw losses with the learning rate, and top-1, over epochs.

    Each row holds `epoch` and any of loss, loss_classes, loss_parts (a number, or one for each text: their
    mean is drawn), train_top1, test_top1 (fractions) and lr. Where a value is missing or None, its neighbours
    are joined: tests are often made only every few epochs. Raises ValueError for no rows.
    """
    if not rows:
        raise ValueError("no epochs to draw: the training log is empty")
    rows = sorted(rows, key=lambda row: row["epoch"])
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.06})
    _draw_curves(left, rows, LOSSES)
    left.set_ylabel("loss (mean of the epoch)")
    left.set_ylim(bottom=0)
    _draw_rate(left, rows)
    _draw_curves(right, rows, ACCURACIES, factor=100)
    right.set_ylabel("top-1 (%)")
    right.set_ylim(0, 101)
    for axes in (left, right):
        _dress_epochs(axes, rows[0]["epoch"], rows[-1]["epoch"])
    _save(figure, path)


def _dress_epochs(axes: Axes, first: int, last: int) -> None:
    axes.set_xlabel("epoch")
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.grid(color="#E4E4E4", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_curves(
    axes: Axes,
    rows: Sequence[Mapping[str, Any]],
    curves: Mapping[str, tuple[str, str, str]],
    *,
    factor: float = 1.0,
) -> None:
    for key, (label, color, style) in curves.items():
        epochs, values = _series(rows, key)
        if epochs:
            marker = "o" if len(epochs) <= 30 else None
            axes.plot(epochs, factor * np.array(values), style, color=color, label=label, marker=marker, ms=3)
    if axes.lines:  # the legend stands above the axes, where no curve can run through it
        axes.legend(
            frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(curves), borderaxespad=0
        )
    else:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=GREY)


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[list[int], list[float]]:
    known = [(row["epoch"], row[key]) for row in rows if row.get(key) is not None]
    return [epoch for epoch, _ in known], [float(np.mean(value)) for _, value in known]


def _draw_rate(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    epochs, rates = _series(rows, "lr")
    if not epochs:
        return
    twin = axes.twinx()
    twin.step(epochs, rates, where="mid", color="#A8A8A8", linewidth=1)
    if min(rates) > 0 and max(rates) > 9 * min(rates):  # below a decade a log scale has no round ticks
        twin.set_yscale("log")
    twin.yaxis.set_major_formatter("{x:g}")
    twin.yaxis.set_minor_formatter(NullFormatter())
    twin.set_ylabel("learning rate (grey)", color=GREY)
    twin.tick_params(colors=GREY, which="both")
    twin.spines["top"].set_visible(False)
    axes.set_zorder(twin.get_zorder() + 1)  # the losses lie over the rate
    axes.patch.set_visible(False)


# --- one clip ---------------------------------------------------------------------------------------------


def plot_clip(
    joints_TVC: np.ndarray,
    parents: Sequence[int],
    path: Path,
    *,
    up: Literal["+y", "-y"] = "+y",
    frames: int = 8,
    title: str | None = None,
) -> None:
    """Draw evenly spaced frames of one person in one row, seen along the camera's axis (x against y).

    joints: (T, V, C) with C of 2 or 3, in any unit; all frames share one scale, so movement can be seen.
    parents: index of each joint's parent, the root its own. `up`: which way y points (images: "-y").
    Frames that are all zero hold nobody and stay empty. Raises ValueError where the shapes do not fit.
    """
    joints = np.asarray(joints_TVC, dtype=np.float64)
    if joints.ndim != 3 or joints.shape[0] == 0 or joints.shape[2] not in (2, 3):
        raise ValueError(
            f"expected joints (T, V, C) with C of 2 or 3 and T of at least 1, got {joints.shape}"
        )
    if len(parents) != joints.shape[1]:
        raise ValueError(f"{len(parents)} parents for {joints.shape[1]} joints: expected one for each joint")
    shown = np.unique(np.linspace(0, len(joints) - 1, frames).round().astype(int))
    xy_TV2 = np.where(joints.any(axis=(1, 2), keepdims=True), joints, np.nan)[shown, :, :2]
    low, high = _extent(xy_TV2)
    height = 2.4
    width = float(np.clip(height * (high[0] - low[0]) / (high[1] - low[1]), 0.9, 6.0))
    figure = Figure(figsize=(width * len(shown), height + 0.5), layout="constrained")
    for axes, frame, xy_V2 in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, xy_TV2, strict=True
    ):
        _draw_person(axes, xy_V2, parents)
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(*((low[1], high[1]) if up == "+y" else (high[1], low[1])))
        axes.set_title(f"frame {frame}", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    _save(figure, path)


def plot_clips(
    clips: Sequence[tuple[str, np.ndarray]],
    parents: Sequence[int],
    path: Path,
    *,
    up: Literal["+y", "-y"] = "+y",
    frames: int = 8,
) -> None:
    """Draw several clips below each other, each as a row of evenly spaced frames with its own scale.

    clips: (title, joints (M, T, V, C)); all persons are drawn, whoever is all zero in a frame is not there.
    """
    figure = Figure(figsize=(1.3 * frames, 1.75 * len(clips)), layout="constrained")
    rows = figure.subplots(len(clips), frames, squeeze=False)
    for row, (title, joints_MTVC) in zip(rows, clips, strict=True):
        joints = np.asarray(joints_MTVC, dtype=np.float64)
        shown = np.linspace(0, joints.shape[1] - 1, frames).round().astype(int)
        there = joints.any(axis=(2, 3), keepdims=True)
        xy_MTV2 = np.where(there, joints, np.nan)[:, shown, :, :2]
        low, high = _extent(xy_MTV2.reshape(-1, *xy_MTV2.shape[2:]))
        for column, axes in enumerate(row):
            for xy_TV2 in xy_MTV2:
                _draw_person(axes, xy_TV2[column], parents)
            axes.set_xlim(low[0], high[0])
            axes.set_ylim(*((low[1], high[1]) if up == "+y" else (high[1], low[1])))
            axes.set_title(f"frame {shown[column]}", fontsize=6)
        row[0].set_title(title, fontsize=8, loc="left", parse_math=False)
    _save(figure, path)


def _extent(xy_TV2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner of all finite joints, with a margin; never flat."""
    points = xy_TV2.reshape(-1, 2)
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return np.zeros(2), np.ones(2)
    low, high = points.min(axis=0), points.max(axis=0)
    largest = float((high - low).max()) or 1.0
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 0.1 * largest) + 0.06 * largest
    return middle - half, middle + half


def _draw_person(axes: Axes, xy_V2: np.ndarray, parents: Sequence[int]) -> None:
    for joint, parent in enumerate(parents):
        if joint != parent:
            axes.plot(*xy_V2[[joint, parent]].T, color=BLUE, linewidth=1.6, solid_capstyle="round")
    axes.plot(*xy_V2.T, "o", color="black", markersize=2.2, zorder=3)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#D0D0D0")
