"""The restricted unpickler: plain data come back, from NumPy 1 and 2, and nothing else is built or run."""

import base64
import collections
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lst.data.exchange.safe_pickle import load_plain_pickle

# pickle.dumps of CONTENT by NumPy 1.26.4 and Python 3.11, zlib, base 85; by protocol.
BY_NUMPY_1 = {
    2: (
        "c-nQ4+i%k_7{%SR-8yq;+^^%_aVfME7%;XD#zk1_gAr2RqBu1qQtS4ljzk`iDkQS@-(r6l*lEMdz>*!upZz=MI}_(SNZl<FL"
        "cXCCsAMoo8^JJ^jX~1aksrr?O1)SHLp9cM5@-r%ev7K!yoxd-KT!$1VAzwvm`Y_g6xEz6u;eb8Z{OFEYGOG<jbmjGl;cpHm6"
        "*ev42KuUo=!*R<q_90FTS*JbT-|?F^=PPR?cagIMMBPKmIl&Ul`FiDQ02ST_LticF6t@vWwNw2%X|Mt#L-U)cT0NdQ$ZwU*T"
        "-%gt_N)p)qov<HBDf7sG{i8<(v1WsWO__7<)l&|VW$qrGaX+rK7+>`yv`bk@wYf4F8{T<5r<aZ|X}JOv^9xb>f$$ARDXV~X1"
        "g7tsdpSQmAUb>kvD*!x{!<ZI^YGMNwDvzqrg9%N{6JajAOQ27IiM`3~e+(Of0TO5xIEUU2!t7)_g;3qSi7Wl*hpK?6Qu)*<s"
        "4jd|p7u|e6@}n3pS!tSKGw)FjMmoi-BIGR_@-|1uhD=yF!%op&8?UX8HypeFZtty_1)e98$V8+(kBU^wF~z%ej`tcLMAG;J!"
        "xY#e"
    ),
    3: (
        "c-nQ5OHbQC6os#y1YGw4r7g7OQA!`AuRubefkr?TRvjseL6y8i9>-uyiIZa{QnNtH1}FJfh(AWhPTWn(m1cBDbLV_IXZo2dP"
        "~Osr=npg}=(ak&g3}J&LaW=9z8!{k&pZoVryX3%u<J+@`gqC=8sl4J7+oV<(*$w@%y7)+nZ|UcM=&O%4cY6sCLUP2;+&UYj)"
        "ns~<am^4nS@=%<9faR>rPd&F_L&9Mm2+~^pkGs1alJe!ZOvY@Gs8XpyAsAo_e~M&=)*~e#Y_qANqwip_Q>1)0Q}1rnE!6nxe"
        "fH!`l2&pXlb8=y+W%)ni#=MOZoYrfCbeiPd`&x^(QO9hz91Q2h$t#ME_;w~FdbyW0>oW0uB+cM;xme6X_W5ZEmjAH7uRcL|%"
        "ZQl8^es>BSIWroCOrE#ieim}F*2wyqAjWybVi$Xo=JGLKUi)q6M+ldpm)sa0E)96ZZbUPg7I67jP2)n6?GWKHhcaF;cP3)^L"
        "A{<Ek5Z%IGTZFWn"
    ),
    4: (
        "c-nnXPfNov6o2hnTSY_!?;bqtG;r+TVd$iu7U)6oJkl<jLYtK=1$z*7adwc~p5I6O5`G*_+k;bw4-#I;@6Y?ah4cDhK~qoI)"
        "z%~GV^L&z*^6hA^|B&W36+wTsP`w5#WOKivWOL~QM(NgwI`-6WQ_!#F|Z<h!5i!ni`c|oB6qbrRb|d<l6~LDRn`7?v^B&q49"
        "B0Qnu~zKXchP{ge!Q5Ycx;27bOo9CZ-7$$Q|z0CVcm&#eoqXYzkj&5w3#6%LTyO2w-$#j_Df%H>D9vk=uG_9@CUcGia@toPR"
        "6wqrZBA@3pG~TpE;i1kD)o)0%tN|HUOfafsirZVlsXgEbQjL+#`=kw~m+X;#a!T$NkW0_n7AlfnP9t%4?7(fb0daku9"
    ),
    5: (
        "c-noC&q~8U5XLuYqCo{k@ZMui0ZR`aidHHfT*yK3TsG;(EaV?+0_Gs}6kFJvW1pw=349}+q!EKcKiJ(l%=g=GW^R6bYNXLC*"
        "h+f=b($1$Ryuwvxq~H_!UuIY4P+X7MG$Za?_jSi(rQGm$%fp3G8-Shv%JhWHYq(Az;f{h_h8eW(njFA?%fxvxhToOqdL_qP}"
        "&4?Y*PoGc$)HLCRhTYVXscwPp;;KtjC0m`*^U1&_epKOTXMfzunT!h<Q8$b=H|ME}~p8DH$f;d-hqx>iKHCxcJ3~NB`jyYrj"
        "ngRZTY%7IO&uwfAxG$4f10P^)o0pyRybN)ryQGBPG4P;G&EO&(`?*(~5^%iBc5-H9lny$ZtPdf3AG28W}skp"
    ),
}
HALVES = np.array([[1, 2.5], [-3, 4]], dtype=np.float16)
CONTENT: dict[str, Any] = {
    "x": HALVES,
    "big_endian": np.asfortranarray(HALVES.astype(">f4")),
    "label": np.int64(7),
    "name": np.str_("S1"),
    "none": None,
    "pair": (1, True),
    "empty": np.zeros((0, 3), dtype=np.int32),
}


def load(folder: Path, content: bytes) -> Any:
    path = folder / "x.pkl"
    path.write_bytes(content)
    return load_plain_pickle(path)


def assert_content(got: dict[str, Any]) -> None:
    assert list(got) == list(CONTENT)
    for key, expected in CONTENT.items():
        np.testing.assert_array_equal(got[key], expected)
        if isinstance(expected, np.ndarray):
            assert got[key].dtype.newbyteorder("=") == expected.dtype.newbyteorder("=")
            assert got[key].shape == expected.shape
        else:
            assert type(got[key]) is type(expected)


@pytest.mark.parametrize("protocol", BY_NUMPY_1)
def test_pickles_of_numpy_1(protocol: int, tmp_path: Path):
    content = zlib.decompress(base64.b85decode(BY_NUMPY_1[protocol]))
    assert b"numpy.core.multiarray" in content
    assert_content(load(tmp_path, content))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_the_installed_numpy(protocol: int, tmp_path: Path):
    assert_content(load(tmp_path, pickle.dumps(CONTENT, protocol)))


@pytest.mark.parametrize("protocol", [2, 5])
def test_the_order_of_the_axes_is_kept(protocol: int, tmp_path: Path):
    x = np.arange(24.0).reshape(2, 3, 4)
    for view in (x, x.transpose(1, 0, 2), x.T, x[:, ::2], x[:0]):
        np.testing.assert_array_equal(load(tmp_path, pickle.dumps(view, protocol)), view)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(min_size=1),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(PLAIN, st.integers(2, 5))
def test_plain_data_come_back(tmp_path_factory: pytest.TempPathFactory, content: Any, protocol: int):
    assert load(tmp_path_factory.getbasetemp(), pickle.dumps(content, protocol)) == content


NUMBERS = st.sampled_from(["<f2", ">f2", "<f4", "<f8", "<i8", "|u1", "|b1"])


@given(arrays.arrays(NUMBERS, arrays.array_shapes(min_side=0)), st.integers(2, 5))
def test_arrays_come_back(tmp_path_factory: pytest.TempPathFactory, content: np.ndarray, protocol: int):
    got = load(tmp_path_factory.getbasetemp(), pickle.dumps(content, protocol))
    np.testing.assert_array_equal(got, content)


class Runs:
    """Pickled, it calls `os.mkdir` when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_named_and_not_run(protocol: int, tmp_path: Path):
    target = tmp_path / "ran"
    content = pickle.dumps({"annotations": [HALVES, Runs(target)]}, protocol)
    with pytest.raises(ValueError, match=r"x\.pkl: holds \w+\.mkdir, which is refused, because .* run code"):
        load(tmp_path, content)
    assert not target.exists()
    pickle.loads(content)  # noqa: S301 - the same bytes do run where they may
    assert target.is_dir()


REFUSED: dict[str, tuple[bytes, str]] = {
    "eval": (b"cbuiltins\neval\n(V1\ntR.", "builtins.eval"),
    "getattr": (b"cbuiltins\ngetattr\n.", "builtins.getattr"),
    "a name with dots": (b"\x80\x04\x8c\x05numpy\x8c\x0bdtype.dtype\x93.", "numpy.dtype.dtype"),
    "old instance": (b"(ios\nsystem\n.", "os.system"),
    "ordered dictionary": (pickle.dumps(collections.OrderedDict(a=1)), "collections.OrderedDict"),
    "objects in an array": (
        pickle.dumps(np.array([{}], dtype=object)),
        "a NumPy array .* type 'O8'",
    ),
    "fields in an array": (pickle.dumps(np.zeros(1, dtype="i4,f4")), "a NumPy array .* type 'V8'"),
    "outside": (b"Vsomething\nQ.", "a reference to something outside the file"),
    "codec": (b"c_codecs\nencode\n(Va\nVrot13\ntR.", "a text in the encoding 'rot13'"),
    "list for numbers": (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR(I1\n(I1\nt"
        b"cnumpy\ndtype\n(Vf4\ntRI00\n]tb.",
        "a NumPy array with a list in place of its numbers",
    ),
    "text for a type": (
        b"cnumpy.core.multiarray\nscalar\n(Vf4\nVabcd\ntR.",
        "a NumPy array with a str as its type",
    ),
    "negative shape": (
        b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(C\x04abcdcnumpy\ndtype\n(Vf4\ntR(I-1\ntVC\ntR.",
        r"a NumPy array of shape \(-1,\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, tmp_path: Path):
    content, what = REFUSED[case]
    with pytest.raises(ValueError, match=f"holds {what}, which is refused"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        b"\x80\xff.",
        b"]}b.",
        b"\x82\x01.",  # a number that some program registered for a class
        b"cnumpy\ndtype\n(Vf4\ntR(I3\ntb.",  # a type whose state is too short
        b"cnumpy\nndarray\n(tR.",  # the class itself is not there to be called
        pickle.dumps(HALVES, 2).replace(b"K\x02K\x02\x86", b"K\x02K\x7f\x86"),  # more numbers than there are
    ],
)
def test_damaged_files(content: bytes, tmp_path: Path):
    with pytest.raises(ValueError, match=r"x\.pkl: cannot be read as pickle, perhaps cut short"):
        load(tmp_path, content)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_truncation_is_noticed(protocol: int, tmp_path: Path):
    content = pickle.dumps(CONTENT, protocol)
    for length in range(len(content)):
        with pytest.raises(ValueError, match="perhaps cut short"):
            load(tmp_path, content[:length])


def test_no_such_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"x\.pkl: no such file"):
        load_plain_pickle(tmp_path / "x.pkl")
