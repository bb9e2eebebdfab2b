"""Small skeletons, and the trees of NTU as numbers (method.md 3.1, both columns)."""

from hypothesis import strategies as st

from lst.facts.skeleton import Skeleton

NTU_GRAPH = [1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11]
NTU_BONE = [1, 1, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 22, 7, 24, 11]
STICK = Skeleton(
    name="stick",
    joints=("hip", "neck", "head", "left_hand", "right_hand"),
    parents={"neck": "hip", "head": "neck", "left_hand": "neck", "right_hand": "neck"},
    parts={"top": ("head", "neck"), "arms": ("left_hand", "right_hand"), "low": ("hip",)},
)


@st.composite
def skeletons(draw):
    """A random tree of 1 to 12 joints whose joints stand in random order."""
    count = draw(st.integers(1, 12))
    joints = tuple(draw(st.permutations([f"j{i}" for i in range(count)])))
    parents = {f"j{i}": f"j{draw(st.integers(0, i - 1))}" for i in range(1, count)}
    first = draw(st.integers(1, count))
    parts = {"first": joints[:first], "last": joints[first - 1 :]}
    return Skeleton(name="random", joints=joints, parents=parents, parts=parts)
