from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.training.sources import Picture, flood_pictures, lake_group, lake_pictures, street_pictures, unit_hash
from vision.training.splits import Fractions, divide, split_of


def picture(name: str = "a.jpg", group: str = "g", held_out: bool = True) -> Picture:
    return Picture(
        path=Path(name), source="made", group=group, boxes=(), labelled=frozenset(), may_be_held_out=held_out
    )


def test_the_hash_of_a_group_never_changes() -> None:
    assert unit_hash("street_garbage_cn:0") == pytest.approx(0.98590, abs=1e-5)


@given(st.text(max_size=20))
def test_every_group_has_one_part(group: str) -> None:
    assert split_of(group, Fractions()) == split_of(group, Fractions())
    assert 0 <= unit_hash(group) < 1


def test_parts_have_about_the_wanted_size() -> None:
    parts = divide([picture(f"{i}.jpg", f"g{i}") for i in range(2000)])
    assert len(parts["val"]) == pytest.approx(300, abs=60)
    assert len(parts["test"]) == pytest.approx(300, abs=60)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_no_group_is_divided_and_no_picture_lost(rows: list[tuple[int, bool]]) -> None:
    pictures = [picture(f"{i}.jpg", f"g{group}", held_out) for i, (group, held_out) in enumerate(rows)]
    parts = divide(pictures)
    groups = [{p.group for p in members} for members in parts.values()]
    assert sum(len(part) for part in groups) == len(set().union(*groups))
    assert sum(len(members) for members in parts.values()) == len(pictures)


def test_a_group_with_a_distorted_copy_trains_as_a_whole() -> None:
    groups = [f"g{i}" for i in range(100)]
    parts = divide([*(picture("a.jpg", g) for g in groups), *(picture("b.jpg", g, held_out=False) for g in groups)])
    assert len(parts["train"]) == 200


def test_a_group_kept_for_measuring_never_trains() -> None:
    kept = [
        Picture(path=Path(f"{i}.jpg"), source="made", group=f"g{i}", boxes=(), labelled=frozenset(), may_train=False)
        for i in range(100)
    ]
    parts = divide(kept)
    assert not parts["train"]
    assert len(parts["val"]) > 30
    assert len(parts["test"]) > 30


def test_held_out_parts_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValueError, match="must leave something"):
        Fractions(val=0.5, test=0.5)


def test_a_lake_tile_is_in_the_group_of_its_whole_photo() -> None:
    assert lake_group("lake_DJI_0263_t41.jpg") == lake_group("lake_DJI_0263.jpg")
    assert lake_group("lake_DJI_0263.jpg") != lake_group("lake_DJI_0303.jpg")
    with pytest.raises(ValueError, match="no picture name"):
        lake_group("other.jpg")


def test_the_real_data_sets_are_divided_without_leak(shared_data: Path) -> None:
    data = shared_data / "train"
    pictures = [*street_pictures(data), *lake_pictures(data), *flood_pictures(data)]
    assert len(pictures) == 1116 + 233 + 223
    part_of_group = defaultdict(set)
    photo_parts = defaultdict(set)
    for part, members in divide(pictures).items():
        for member in members:
            part_of_group[member.group].add(part)
            if member.path.name.startswith("lake_"):
                photo_parts[member.path.stem.split("_t")[0]].add(part)
            assert part == "train" or member.may_be_held_out
    assert all(len(parts) == 1 for parts in part_of_group.values())
    assert len(photo_parts) == 49
    assert all(len(parts) == 1 for parts in photo_parts.values())


def test_each_real_data_set_has_pictures_in_every_part(shared_data: Path) -> None:
    data = shared_data / "train"
    for read in (street_pictures, lake_pictures, flood_pictures):
        assert all(len(members) >= 20 for members in divide(read(data)).values())
