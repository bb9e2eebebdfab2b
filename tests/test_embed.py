"""`lst embed`: texts that are too long, vectors that are kept, and an encoder named on the command line."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lst.cli.main import main
from lst.text.descriptions import default_descriptions, shipped_text
from lst.text.embed import SentenceEncoder, embed_file, too_long
from lst.text.prompt_choices import prompt_heads
from lst.text.vectors import load_vectors

INFO = {"encoder": "words", "package": "none", "version": "0"}
CLASSES = default_descriptions("synthetic")


def count_words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


class Counting:
    """An encoder that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        return np.array([[len(text), text.count("e")] for text in texts], dtype=np.float32)


@pytest.fixture
def descriptions(tmp_path: Path) -> Path:
    path = tmp_path / "d.json"
    path.write_bytes(shipped_text("synthetic", ".json").read_bytes())
    return path


def change(path: Path, k: int, **fields: object) -> None:
    content = json.loads(path.read_text())
    content["classes"][k] |= fields
    path.write_text(json.dumps(content))


def encoder(max_tokens: int | None = None, encode: Callable | None = None, **info: str) -> SentenceEncoder:
    return SentenceEncoder(encode or Counting(), {**INFO, **info}, count_words, max_tokens)


# --- too long ---


def longest(choice: str) -> int:
    texts = [t for head in prompt_heads(choice, CLASSES) for own in head.texts_KS for t in own]  # type: ignore[arg-type]
    return max(count_words(texts))


def test_nothing_is_too_long_for_an_encoder_without_a_limit():
    assert too_long(CLASSES, SentenceEncoder(Counting(), INFO)) == {}
    assert too_long(CLASSES, encoder(longest("parts1"))) == {}


def test_a_choice_that_does_not_fit_is_left_out_and_class_and_part_are_named(
    descriptions: Path, tmp_path: Path
):
    change(descriptions, 3, sentence="word " * 60)
    limit = longest("parts1") - 1
    vectors = embed_file(descriptions, tmp_path / "v.safetensors", encoder(limit))
    left_out = vectors.meta["left_out"]
    assert set(left_out) == {"parts1", "sentence", "mixed"}
    assert left_out["sentence"] == (
        f"1 texts are longer than the {limit} tokens that the encoder reads; the longest, "
        f"class 3 ({CLASSES[3].name!r}), part 'whole', has 60"
    )
    assert "part 'body'" in left_out["parts1"]
    assert not set(vectors.meta["prompts"]) & set(left_out)
    assert load_vectors(tmp_path / "v.safetensors").meta == vectors.meta
    assert max(count_words(list(vectors.texts))) <= limit


def test_the_method_itself_must_fit(descriptions: Path, tmp_path: Path):
    change(descriptions, 2, leg="word " * 30, foot="word " * 20)
    words = len(CLASSES[2].name.split()) + 50
    message = rf"class 2 \('{CLASSES[2].name}'\), part 'foot', has {words}\. Shorten the text"
    with pytest.raises(ValueError, match=message):
        embed_file(descriptions, tmp_path / "v.safetensors", encoder(words - 1))
    assert not (tmp_path / "v.safetensors").exists()


# --- what is there already ---


def test_vectors_of_the_same_encoder_are_kept(descriptions: Path, tmp_path: Path):
    output, first, second = tmp_path / "v.safetensors", Counting(), Counting()
    before = embed_file(descriptions, output, encoder(encode=first))
    assert sorted(first.asked) == sorted(before.texts)
    change(descriptions, 0, hip="hips do something new")
    after = embed_file(descriptions, output, encoder(encode=second))
    changed = replace(CLASSES[0], hip="hips do something new")
    assert set(second.asked) == set(after.texts) - set(before.texts)
    assert all("hips do something new" in text for text in second.asked)
    assert 0 < len(second.asked) < 10
    assert after.classes[0] == changed
    for text, row in zip(after.texts, after.vectors_TD, strict=True):
        assert row.tolist() == [len(text), text.count("e")]
    third = Counting()
    embed_file(descriptions, output, encoder(encode=third))
    assert third.asked == []


@pytest.mark.parametrize("other", [{"version": "1"}, {"weights_sha256": "ab"}, {"encoder": "letters"}])
def test_vectors_of_another_encoder_are_not_kept(other: dict[str, str], descriptions: Path, tmp_path: Path):
    output, again = tmp_path / "v.safetensors", Counting()
    embed_file(descriptions, output, encoder())
    vectors = embed_file(descriptions, output, encoder(encode=again, **other))
    assert sorted(again.asked) == sorted(vectors.texts)


def test_a_damaged_file_is_replaced(descriptions: Path, tmp_path: Path):
    output = tmp_path / "v.safetensors"
    output.write_bytes(b"half a fi")
    assert embed_file(descriptions, output, encoder()).texts == load_vectors(output).texts


# --- the command ---


def test_embed_reads_a_folder_of_transformers(
    descriptions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("transformers", reason="pip install transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path / "tiny-bert"
    small = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(**small, vocab_size=3, max_position_embeddings=50)).save_pretrained(folder)
    special = dict.fromkeys(["unk_token"], "odd")
    tokenizer = Tokenizer(models.WordLevel({"pad": 0, "odd": 1, "hips": 2}, **special))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special |= dict.fromkeys(["pad_token"], "pad")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)

    assert main(["embed", str(descriptions), "--text-encoder", str(folder)]) == 0
    target = tmp_path / "d.tiny-bert.safetensors"
    said = capsys.readouterr().out
    assert f"wrote {target}: " in said
    assert "left out: prompts parts1: " in said
    assert f"lst train RECIPE --text.vectors {target}" in said
    vectors = load_vectors(target)
    assert vectors.meta["encoder"] == str(folder)
    assert vectors.meta["dimension"] == 8
    assert vectors.class_names == tuple(action.name for action in CLASSES)

    assert main(["embed", str(descriptions), "--text-encoder", str(tmp_path / "none"), "-o", "x"]) == 2
    assert "no such folder. Give the folder of a text encoder" in capsys.readouterr().err
