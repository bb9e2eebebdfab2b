"""The five texts of a class: the official rule, the corrected one, and snapshots of the shipped texts."""

from hypothesis import given
from hypothesis import strategies as st

from lst.text.descriptions import ActionText, default_descriptions
from lst.text.prompts import FiveTexts, class_prompts, official_fields

# The example of method.md 9.1, fields as GAP's file has them (no space before f1).
DRINK = ActionText(
    name="drink water",
    synonyms=("drink water", "swig"),
    sentence="",
    head="head tilts back slightly",
    hand=" hand grasps cup",
    arm=" arm lifts cup to mouth",
    hip=" hip remains stationary",
    leg=" leg remains stationary",
    foot=" foot remains stationary.",
)
CLEAN = {"name": "n", "synonyms": ("n",), "sentence": "s", "head": "a", "hand": "b", "arm": "c"}
CLEAN_ACTION = ActionText(**CLEAN, hip="d", leg="e", foot="f")

phrases = st.text(st.characters(codec="ascii", categories=["L", "P"]), min_size=1)
actions = st.builds(ActionText, phrases, st.tuples(phrases), *[phrases] * 7)


def test_official_rule_gives_the_official_texts():
    assert class_prompts(DRINK, glued_comma=True) == FiveTexts(
        global_=("drink water", "swig"),
        head="drink water,head tilts back slightly",
        hand="drink water hand grasps cup, arm lifts cup to mouth",
        hip="drink water, hip remains stationary",
        foot="drink water, leg remains stationary, foot remains stationary.",
    )


def test_official_rule_glues_name_and_phrase_without_a_space():
    assert class_prompts(CLEAN_ACTION, glued_comma=True).hand == "nb,c"


def test_corrected_rule_has_a_comma_everywhere():
    assert class_prompts(DRINK) == FiveTexts(
        global_=("drink water", "swig"),
        head="drink water, head tilts back slightly",
        hand="drink water, hand grasps cup, arm lifts cup to mouth",
        hip="drink water, hip remains stationary",
        foot="drink water, leg remains stationary, foot remains stationary.",
    )


def test_parts_are_in_the_order_of_the_part_heads():
    assert class_prompts(CLEAN_ACTION).parts == ("n, a", "n, b, c", "n, d", "n, e, f")


@given(actions)
def test_clean_texts_differ_in_one_comma_only(action: ActionText):
    plain = class_prompts(action)
    official = class_prompts(official_fields(action), glued_comma=True)
    start = len(action.name)
    assert plain.hand[:start] + plain.hand[start + 1 :] == official.hand
    assert plain._replace(hand="") == official._replace(hand="")


@given(actions)
def test_official_fields_can_be_made_twice(action: ActionText):
    once = official_fields(action)
    assert official_fields(once) == once
    assert once.name == action.name
    assert class_prompts(once) == class_prompts(action)


def test_snapshot_drop_trash():
    described = {action.name: action for action in default_descriptions("nw-ucla")}["drop trash"]
    assert class_prompts(described) == (
        (
            "drop trash",
            "discard rubbish",
            "get rid of garbage",
            "dispose of litter",
            "put waste in the bin",
            "let trash fall into a can",
            "dump rubbish",
            "discard waste",
            "drop something into a bin",
            "bin the litter",
        ),
        "drop trash, head stays high and turns briefly aside toward the bin",
        "drop trash, one hand opens at waist height and lets something fall, "
        "one arm reaches out low, pauses, and sinks back to the side",
        "drop trash, hips slow down for a moment, then travel on",
        "drop trash, legs stay nearly straight, step up, halt, and step away, "
        "feet stop beside the bin, then walk on",
    )


def test_snapshot_squat():
    described = {action.name: action for action in default_descriptions("synthetic")}["squat"]
    official = class_prompts(official_fields(described), glued_comma=True)
    assert official.global_ == (
        "squat",
        "do a squat",
        "deep knee bend",
        "crouch down",
        "bend the knees and rise",
        "squat down",
        "lower the body by bending the knees",
        "hunker down",
        "go into a crouch",
    )
    assert official.parts == (
        "squat, head drops vertically and rises again, facing forward",
        "squat hands reach out in front or hang low while the body sinks, "
        "arms come forward as a counterweight",
        "squat, hips sink straight down toward the heels and come back up",
        "squat, both knees bend deeply at once, then straighten, both feet stay flat below the sinking hips",
    )
