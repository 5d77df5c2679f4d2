"""Which copies count, which belong together, and what the reader is told."""

from dataclasses import replace

import numpy as np
from test_near_copies import prints

from auditor.inputs.copies import copy_notices, copy_records, find_copies, groups_of
from auditor.inputs.joined_codes import joined
from auditor.records import ImageItem


def items(*paths_and_labels, groups=()):
    return [
        ImageItem(path[0] * 16, path, label, group_id=groups[row] if groups else None)
        for row, (path, label) in enumerate(paths_and_labels)
    ]


def copies_of(pictures, contents, fingerprints=None):
    n = len(pictures)
    told = np.zeros((n, 64), np.uint8) if fingerprints is None else fingerprints
    return find_copies(pictures, list(contents), told, np.ones((n, 1), np.float32))


FOUR = items(("a.jpg", "bird"), ("b.jpg", "bird"), ("c.jpg", "bird"), ("d.jpg", "bird"))


def test_of_equal_pictures_the_first_counts_and_is_alone():
    copies = copies_of(FOUR, "xxxy")
    assert copies.counted.tolist() == [True, False, False, True]
    assert copies.units() is None  # the two that count are different pictures
    assert groups_of("abcd", [None] * 4, copies.units()) is None


def test_under_two_labels_one_of_each_counts_and_both_are_one_witness():
    two = items(("a.jpg", "bird"), ("b.jpg", "cat"), ("c.jpg", "cat"), ("d.jpg", None))
    copies = copies_of(two, "xxxx")
    assert copies.counted.tolist() == [True, True, False, False]
    assert copies.units().tolist() == [0, 0, 0, 0]
    assert groups_of("abcd", [None] * 4, copies.units()).tolist() == [0, 0, 0, 0]
    assert copy_notices(two, copies)[1] == (
        "1 picture stands under more than one label, as the same or nearly the same picture: 'a.jpg' is 'bird' and "
        "'b.jpg' is 'cat'; mend the labels"
    )


def test_without_any_label_one_counts():
    assert copies_of(items(("a.jpg", None), ("b.jpg", None)), "xx").counted.tolist() == [True, False]


def test_near_copies_count_and_are_one_group():
    copies = copies_of(FOUR, "wxyz", prints(0, 3, 200, 1))
    assert copies.counted.all()
    assert copies.alike.tolist() == [0, 0, 2, 0]
    assert groups_of("abcd", [None] * 4, copies.units()).tolist() == [0, 0, 1, 0]


def test_groups_of_the_manifest_join_with_copies():
    # b and c are copies, a and b are of one patient: all three belong together
    copies = copies_of(FOUR, "wxyz", prints(0, 200, 200, 400))
    assert groups_of("abcd", ["p", "p", None, None], copies.units()).tolist() == [0, 0, 0, 1]
    assert groups_of("abcd", ["p", "p", None, None], None).tolist() == [2, 2, 0, 1]  # as without copies


def test_what_is_connected_by_either_code():
    assert joined(np.array([0, 0, 1, 2]), np.array([5, 6, 6, 7])).tolist() == [0, 0, 0, 1]


def test_nothing_is_told_of_pictures_without_copies():
    copies = copies_of(FOUR, "wxyz", prints(0, 100, 200, 300))
    assert copy_notices(FOUR, copies) == ()
    assert copy_records(FOUR, copies) == []


def test_both_sorts_are_counted_and_shown():
    copies = copies_of(FOUR, "xxyz", prints(0, 0, 5, 300))
    assert copy_notices(FOUR, copies) == (
        "1 of 4 pictures is a copy of others, byte for byte, such as 'b.jpg' of 'a.jpg': one of each counts",
        "2 pictures are nearly the same as others (encoded again, resized, a little changed), in 1 group, such as "
        "'a.jpg' and 'c.jpg': a group counts as one picture",
    )
    records = copy_records(FOUR, copies)
    told = [(one.image_id[0], one.copy_group, one.same_content_as[0], one.counted) for one in records]
    assert told == [("a", 0, "a", True), ("b", 0, "a", False), ("c", 0, "c", True)]


def test_a_picture_in_two_splits_is_said():
    items = [replace(item, split=split) for item, split in zip(FOUR, ["train", "train", "val", "val"], strict=True)]
    (near, leak) = copy_notices(items, copies_of(items, "wxyz", prints(0, 100, 105, 300)))
    assert near.startswith("2 pictures are nearly the same")
    assert leak == (
        "1 picture stands in more than one split, as the same or nearly the same picture: 'b.jpg' in 'train' and "
        "'c.jpg' in 'val'; what was trained on it is no test"
    )
