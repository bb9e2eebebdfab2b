"""Sound files of every kind, small, made by lst itself, and the commands that read them."""

import pickle
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clip_names import ntu_id
from command_line import TINY, lst_call
from fuzz import damage
from lst.data.store.clip_store import write_store
from lst.data.synthetic.clips import LAYOUT, synthetic_clips
from lst.text.descriptions import shipped_text
from skeleton_files import frames_of, make_skeleton_file, moving


@dataclass(frozen=True)
class Kind:
    """A file, the folder it is damaged in, and the command that meets it. `{}` is a copy of the folder."""

    name: str
    folder: str
    file: str
    words: tuple[str, ...]
    damage: Callable[[bytes, random.Random], bytes] = damage.bytes_of
    share: int = 10
    """How many of a thousand tries."""
    ours: bool = True
    """Whether lst wrote it, so that a number that changed must be told."""


CPU = ("--device", "cpu")
ON = ("--data", "STORE", *CPU)
KINDS = (
    Kind("manifest.json", "store", "manifest.json", ("info", "{}"), damage.json_of, 130),
    Kind("clips.csv", "store", "clips.csv", ("info", "{}"), damage.csv_of, 110),
    Kind("joints.npy", "store", "joints.npy", ("info", "{}"), share=50),
    Kind("problems.csv", "store", "problems.csv", ("info", "{}"), damage.csv_of, 10),
    Kind("card.json", "runs/a", "card.json", ("info", "{}"), damage.json_of, 150),
    Kind("card.json, test", "runs/a", "card.json", ("test", "{}", *ON), damage.json_of, 25),
    Kind("model.safetensors", "runs/a", "model.safetensors", ("test", "{}", *ON),
         damage.safetensors_of, 25),
    Kind("result.json", "runs/a", "result.json", ("results", "--runs", "{}/..", "--results", "none"),
         damage.json_of, 120),
    Kind("scores.npz", "runs/a", "test/scores.npz",
         ("ensemble", "{}", "{}/../b", "--out", "{}/../e"), share=15),
    Kind("recipe.json", "begun", "recipe.json", ("info", "{}"), damage.json_of, 120),
    Kind("log.jsonl", "begun", "log.jsonl", ("info", "{}"), damage.lines_of, 40),
    Kind("recipe.json, resume", "begun", "recipe.json", ("train", "--resume", "{}"), damage.json_of, 15),
    Kind("state.pt", "begun", "state.pt", ("train", "--resume", "{}"), share=20),
    Kind("language.safetensors", "runs/a", "language.safetensors",
         ("classify-by-text", "{}", *ON), damage.safetensors_of, 20),
    Kind("texts.safetensors", "runs/a", "texts.safetensors",
         ("classify-by-text", "{}", *ON), damage.safetensors_of, 20),
    Kind("descriptions", "texts", "d.json", ("describe", "--check", "{}/d.json"), damage.json_of, 60,
         ours=False),
    Kind("foreign .pt", "foreign", "w.pt", ("import-checkpoint", "{}/w.pt", "--benchmark", "nw-ucla",
         "--modality", "joint", "--out", "{}/run"), share=10, ours=False),
    Kind("foreign .npz", "foreign", "NTU60_CS.npz", ("import-data", "{}/NTU60_CS.npz", "{}/out"), share=20,
         ours=False),
    Kind("foreign .pkl", "foreign", "x.pkl", ("import-data", "{}/x.pkl", "{}/out"), share=20, ours=False),
    Kind("NTU .skeleton", "ntu", f"{ntu_id()}.skeleton", ("prepare", "ntu60", "{}", "--out", "{}/out",
         "--workers", "1"), share=10, ours=False),
    Kind("NW-UCLA .json", "ucla", "a01_s01_e00_v01.json", ("prepare", "nw-ucla", "{}", "--out", "{}/out"),
         damage.json_of, 10, ours=False),
)  # fmt: skip


def make_samples(folder: Path) -> None:
    """All sound files, under `folder`."""
    clips = [
        c for c in synthetic_clips(subjects=9, episodes=1, views=1) if c.attributes["subject"] in (1, 2, 9)
    ]
    source = {"name": "fuzz", "seed": 0, "synthetic": True}
    write_store(folder / "store", clips, dataset="synthetic", layout=LAYOUT, source=source, problems=[])
    data = ("--data", folder / "store")
    for name, recipe in (("a", "demo-joint"), ("b", "demo-bone")):
        run = folder / "runs" / name
        _must(*("train", recipe, "--out", run), *data, *TINY)
        _must("test", run, *data, *CPU)
    shutil.copytree(folder / "runs" / "a", folder / "begun")
    for name in ("card.json", "model.safetensors", "result.json"):
        (folder / "begun" / name).unlink()
    (folder / "texts").mkdir()
    (folder / "texts" / "d.json").write_bytes(shipped_text("synthetic", ".json").read_bytes())
    _foreign(folder / "foreign")
    _raw(folder)


def _must(*words: object) -> None:
    done = lst_call(*words)
    assert done.status == 0, done.err


def _foreign(folder: Path) -> None:
    from lst.nets.classifier import build_classifier
    from test_import_official import official_form
    from test_ntu_import import npz
    from test_pyskl_import import annotation

    folder.mkdir()
    torch.manual_seed(0)
    net = build_classifier(encoder="ctrgcn", layout="kinect_v1_20", num_persons=1, num_classes=10)
    torch.save(official_form(net), folder / "w.pt")
    npz(folder / "NTU60_CS.npz")
    names = [ntu_id(subject=s, action=a) for s in (1, 3) for a in (1, 60)]
    content = {"split": {}, "annotations": [annotation(name) for name in names]}
    (folder / "x.pkl").write_bytes(pickle.dumps(content))


def _raw(folder: Path) -> None:
    (folder / "ntu").mkdir()
    frames = frames_of(20, {"101": (range(20), moving(1, 20))})
    (folder / "ntu" / f"{ntu_id()}.skeleton").write_bytes(make_skeleton_file(frames))
    (folder / "ucla").mkdir()
    joints = np.random.default_rng(0).normal(size=(3, 20, 3)).round(3).tolist()
    text = f'{{"file_name": "a01_s01_e00_v01", "skeletons": {joints}, "label": 1}}'
    (folder / "ucla" / "a01_s01_e00_v01.json").write_text(text)
