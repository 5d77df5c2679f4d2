import hashlib
import os
from pathlib import Path

from dataset_files import failing, touch, write

from auditor.inputs.dataset import image_id, in_training, load_dataset, training_notice

X = hashlib.sha256(b"x").hexdigest()


def test_image_id_is_the_start_of_the_sha256():
    assert image_id("bee/1.jpg") == hashlib.sha256(b"bee/1.jpg").hexdigest()[:16]
    assert image_id("a") == "ca978112ca1bbdca"


# --- folders ----


def test_folder_takes_the_first_folder_as_label(tmp_path):
    touch(tmp_path, "bee/2.JPG", "bee/deep/er/1.png", "ant/1.webp", "ant/.hidden.jpg", "ant/notes.txt", ".git/a.jpg")
    dataset = load_dataset(tmp_path)
    assert [(item.path, item.label) for item in dataset.items] == [
        ("ant/1.webp", "ant"),
        ("bee/2.JPG", "bee"),
        ("bee/deep/er/1.png", "bee"),
    ]
    assert dataset.items[0].image_id == image_id("ant/1.webp")
    assert dataset.labels == ("ant", "bee")
    assert (dataset.source, dataset.root, dataset.attribute_names) == ("folder", tmp_path.resolve(), ())


def test_folder_names_loose_pictures_and_empty_classes(tmp_path):
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "loose.jpg")
    (tmp_path / "c").mkdir()
    dataset = load_dataset(tmp_path)
    assert dataset.labels == ("a", "b")
    assert dataset.notices == (
        "1 class folder without pictures left out: 'c'",
        "1 picture directly in the folder of the data, in no class folder: left out",
    )


def test_empty_folder(tmp_path):
    assert "holds no pictures in class folders; expected class/picture" in failing(tmp_path)
    touch(tmp_path, "1.jpg", "2.jpg")
    assert "; 2 pictures lie directly in it" in failing(tmp_path)


def test_one_class(tmp_path):
    touch(tmp_path, "bee/1.jpg", "bee/2.jpg")
    assert "only one label, 'bee', in 2 pictures; expected at least two" in failing(tmp_path)


def test_folder_of_splits_is_not_taken_for_classes(tmp_path):
    touch(tmp_path, "train/bee/1.jpg", "val/bee/2.jpg")
    assert failing(tmp_path) == (
        f"folder '{tmp_path}' holds splits ('train', 'val'), and what a model was trained on hides gaps; choose one "
        "with --split, such as --split val"
    )


def test_class_called_train_beside_others_is_a_class(tmp_path):
    assert load_dataset(touch(tmp_path, "train/1.jpg", "tram/1.jpg")).labels == ("train", "tram")


def test_links_out_of_a_folder_are_refused(tmp_path):
    outside = touch(tmp_path / "outside", "secret.jpg")
    root = touch(tmp_path / "root", "a/1.jpg", "b/1.jpg")
    (root / "a" / "2.jpg").symlink_to(root / "a" / "1.jpg")
    assert len(load_dataset(root).items) == 3
    (root / "a" / "3.jpg").symlink_to(outside / "secret.jpg")
    assert "picture 'a/3.jpg' is a link out of folder" in failing(root)
    (root / "a" / "3.jpg").unlink()
    (root / "c").symlink_to(outside)
    assert "'c' in data" in failing(root)
    assert "is a link to a folder" in failing(root)


def test_root_may_be_a_link(tmp_path):
    root = touch(tmp_path / "root", "a/1.jpg", "b/1.jpg")
    (tmp_path / "link").symlink_to(root)
    assert load_dataset(tmp_path / "link").root == root.resolve()


def test_nothing_there(tmp_path):
    assert "not found; expected a folder class/picture, a manifest (.csv, " in failing(tmp_path / "no")
    assert "cannot be read" in failing(Path("x" * 5000)) or "not found" in failing(Path("x" * 5000))


# --- choosing ----


def test_split(tmp_path):
    text = "path,label,split\na,x,val\nb,y,val\nc,x,train\nd,y,train\n"
    path = write(tmp_path / "m.csv", text)
    assert [item.path for item in load_dataset(path, split="val").items] == ["a", "b"]
    assert len(load_dataset(path).items) == 4
    assert failing(path, split="vall") == (
        "split 'vall' not in manifest 'm.csv'; splits: 'train (2 pictures)', 'val (2 pictures)'; did you mean 'val'?"
    )
    without = write(tmp_path / "n.csv", "path,label\na,x\nb,y\n")
    assert "has no column 'split'" in failing(without, split="val")


def test_split_of_one_class(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,split\na,x,val\nb,y,train\n")
    assert "only one label, 'x'" in failing(path, split="val")


def test_max_images_per_class_does_not_depend_on_order_or_others(tmp_path):
    rows = [f"{number}.jpg,{'xy'[number % 2]}" for number in range(100)]
    path = write(tmp_path / "m.csv", "path,label\n" + "\n".join(rows))
    chosen = {item.path for item in load_dataset(path, max_images_per_class=10).items}
    assert len(chosen) == 20
    assert sum(item.label == "x" for item in load_dataset(path, max_images_per_class=10).items) == 10
    write(path, "path,label\n" + "\n".join(reversed(rows)))
    assert {item.path for item in load_dataset(path, max_images_per_class=10).items} == chosen
    assert {item.path for item in load_dataset(path, max_images_per_class=5).items} < chosen
    assert {item.path for item in load_dataset(path, max_images_per_class=10, seed=1).items} != chosen
    assert "max_images_per_class is 0; expected at least 1" in failing(path, max_images_per_class=0)


def test_digest_follows_contents_labels_and_attributes_not_times_and_places(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,site\na,x,n\nb,y,s\n")
    digest = load_dataset(path).digest
    assert load_dataset(write(path, "site,path,label\ns,b,y\nn,a,x\n")).digest == digest
    assert load_dataset(write(path, "path,label,site\na,x,n\nb,y,n\n")).digest != digest
    assert load_dataset(write(path, "path,label,site\na,x,n\nb,z,s\n")).digest != digest
    folder = touch(tmp_path / "folder", "a/1.jpg", "b/1.jpg")
    before = load_dataset(folder).digest
    os.utime(folder / "a/1.jpg", ns=(1, 1))
    assert load_dataset(folder).digest == before
    assert load_dataset(folder.rename(tmp_path / "elsewhere")).digest == before
    folder = tmp_path / "elsewhere"
    (folder / "a/1.jpg").write_bytes(b"y")
    assert load_dataset(folder).digest != before
    (folder / "a/1.jpg").write_bytes(b"x")
    assert load_dataset(folder).digest == before
    assert load_dataset(touch(folder, "a/2.jpg")).digest != before


def test_digest_follows_the_contents_of_masks_and_what_cannot_be_read(tmp_path):
    touch(tmp_path, "a", "mask")
    path = write(tmp_path / "m.csv", "path,label,mask\na,x,mask\nb,y,\n")
    first = load_dataset(path)
    assert first.contents == {"a": X, "mask": X, "b": None}
    (tmp_path / "mask").write_bytes(b"y")
    assert load_dataset(path).digest != first.digest
    touch(tmp_path, "mask", "b")
    assert load_dataset(path).digest != first.digest


def test_digest_follows_the_folder_s_name_where_it_says_what_the_model_knows(tmp_path):
    digests = {}
    for name in ("pictures", "photos", "val", "train"):
        digests[name] = load_dataset(touch(tmp_path / name, "a/1.jpg", "b/1.jpg")).digest
    assert digests["pictures"] == digests["photos"]
    assert len(set(digests.values())) == 3


def test_digest_follows_columns_without_values(tmp_path):
    path = write(tmp_path / "m.csv", "path,label\na,x\nb,y\n")
    digest = load_dataset(path).digest
    assert load_dataset(write(path, "path,label,site\na,x,\nb,y,\n")).digest != digest


def test_training_data_are_told_by_their_names(tmp_path):
    touch(tmp_path / "val", "bee/1.jpg", "ant/1.jpg")
    assert training_notice(load_dataset(tmp_path / "val")) is None
    touch(tmp_path / "Train", "bee/1.jpg", "ant/1.jpg")
    said = "2 of 2 pictures are named as training data: what a model was trained on hides gaps"
    assert training_notice(load_dataset(tmp_path / "Train")) == said
    rows = "path,label,split\nval/bee/1.jpg,bee,train\nval/ant/1.jpg,ant,test\n"
    manifest = write(tmp_path / "m.csv", rows)
    assert training_notice(load_dataset(manifest)).startswith("1 of 2 pictures are named")


def test_whether_a_model_was_trained_on_the_pictures_is_known_by_their_names(tmp_path):
    for name, known in (("VAL", False), ("train", True), ("pictures", None)):
        touch(tmp_path / name, "bee/1.jpg", "ant/1.jpg")
        assert in_training(load_dataset(tmp_path / name)) is known

    def of(*splits):
        rows = "".join(f"val/{i % 2}/{i}.jpg,{'ab'[i % 2]},{split}\n" for i, split in enumerate(splits))
        return in_training(load_dataset(write(tmp_path / "m.csv", f"path,label,split\n{rows}")))

    assert of("test", "Test ", "dev") is False
    assert of("test", "", "dev") is None  # of one picture nobody knows
    assert of("test", "train", "dev") is True
    assert of(*["val"] * 19, "train") is None  # a twentieth changes next to nothing, but is no promise either
