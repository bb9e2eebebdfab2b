import pytest
from hypothesis import given
from hypothesis import strategies as st

from lst.facts.choices import choose

COLOURS = {"red": 1, "green": 2, "Blue": None}


@pytest.mark.parametrize(("name", "value"), COLOURS.items())
def test_chooses_by_exact_name(name, value):
    assert choose("colour", name, COLOURS) == value


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gren", "unknown colour 'gren'. Did you mean 'green'? Known: Blue, green, red"),
        ("GREEN", "unknown colour 'GREEN'. Did you mean 'green'? Known: Blue, green, red"),
        ("blue", "unknown colour 'blue'. Did you mean 'Blue'? Known: Blue, green, red"),
        ("zzz", "unknown colour 'zzz'. Known: Blue, green, red"),
        ("", "unknown colour ''. Known: Blue, green, red"),
    ],
)
def test_unknown_name_gets_a_hint_and_all_known_names(name, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole text is compared below
        choose("colour", name, COLOURS)
    assert str(error.value) == message


def test_of_many_options_only_the_nearest_are_named():
    options = {f"recipe-{number}": number for number in range(40)}
    with pytest.raises(
        ValueError, match=r"Did you mean 'recipe-1'\? Known: (recipe-\d+, ){3}recipe-\d+ and 36 more$"
    ):
        choose("recipe", "recip-1", options)
    with pytest.raises(ValueError, match=r"Known: (recipe-\d+, ){39}recipe-\d+$"):
        choose("recipe", "zzz", options)


def test_without_options_says_so():
    with pytest.raises(ValueError, match=r"unknown colour 'red'. Known: \(none\)"):
        choose("colour", "red", {})


@given(st.dictionaries(st.text(), st.integers()), st.text())
def test_gives_the_option_or_a_value_error(options, name):
    if name in options:
        assert choose("option", name, options) == options[name]
    else:
        with pytest.raises(ValueError, match="unknown option"):
            choose("option", name, options)
