"""Miniature trees of public sets in their official layout: a few tiny pictures and the files that describe them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade * 37 % 256, shade * 91 % 256, 120)).save(path)


def text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def waterbirds(root: Path) -> Path:
    """Four birds, as generate_waterbirds.py writes them (pandas: the index is img_id)."""
    rows = [
        (1, "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg", 1, 0, 1, "/o/ocean/00002625.jpg"),
        (2, "001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg", 1, 1, 0, "/b/bamboo_forest/00001.jpg"),
        (3, "004.Groove_billed_Ani/Groove_Billed_Ani_0002_1670.jpg", 0, 2, 1, "/l/lake/natural/00000003.jpg"),
        (4, "004.Groove_billed_Ani/Groove_Billed_Ani_0006_1653.jpg", 0, 0, 0, "/f/forest/broadleaf/00000004.jpg"),
    ]
    header = "img_id,img_filename,y,split,place,place_filename\n"
    text(root / "metadata.csv", header + "".join(",".join(map(str, row)) + "\n" for row in rows))
    for number, name, *_ in rows:
        picture(root / name, number)
    return root


CELEBA_ATTRIBUTES = ("5_o_Clock_Shadow", "Blond_Hair", "Male")
CELEBA_ROWS = {
    "000001.jpg": ((-1, 1, -1), 0, 2880),
    "000002.jpg": ((-1, -1, 1), 0, 2937),
    "000003.jpg": ((1, -1, 1), 1, 2880),
    "000004.jpg": ((-1, 1, 1), 2, 5805),
}


def celeba(root: Path) -> Path:
    """Four faces of three persons, in the columns of the official files."""
    lines = [f"{name}  {'  '.join(map(str, signs))}" for name, (signs, _, _) in CELEBA_ROWS.items()]
    text(root / "list_attr_celeba.txt", "\n".join([str(len(lines)), " ".join(CELEBA_ATTRIBUTES) + " ", *lines, ""]))
    text(root / "list_eval_partition.txt", "".join(f"{n} {split}\n" for n, (_, split, _) in CELEBA_ROWS.items()))
    text(root / "identity_CelebA.txt", "".join(f"{n} {person}\n" for n, (_, _, person) in CELEBA_ROWS.items()))
    for number, name in enumerate(CELEBA_ROWS):
        picture(root / "img_align_celeba" / name, number)
    return root


def cub(root: Path) -> Path:
    """Three birds of two species as the two archives unpack: CUB_200_2011/ and attributes.txt, and segmentations/."""
    base = root / "CUB_200_2011"
    names = ["001.Black_footed_Albatross/a.jpg", "002.Laysan_Albatross/b.jpg", "002.Laysan_Albatross/c.jpg"]
    text(base / "images.txt", "".join(f"{number} {name}\n" for number, name in enumerate(names, 1)))
    text(base / "classes.txt", "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n")
    text(base / "image_class_labels.txt", "1 1\n2 2\n3 2\n")
    text(base / "train_test_split.txt", "1 0\n2 1\n3 0\n")
    text(base / "bounding_boxes.txt", "1 60.0 27.0 325.0 304.0\n2 139.0 30.0 153.0 264.0\n3 14.0 112.0 388.0 186.0\n")
    text(root / "attributes.txt", "1 has_bill_shape::curved\n2 has_wing_color::grey\n")
    # certainty 1 is "not visible"; the last line has a number too many, as some of the official file have
    labels = "1 1 0 3 27.7\n1 2 1 4 27.7\n2 1 0 1 12.1\n2 2 1 2 12.1\n3 1 1 4 0.5\n3 2 0 3 0 7.06\n"
    text(base / "attributes" / "image_attribute_labels.txt", labels)
    for number, name in enumerate(names):
        picture(base / "images" / name, number)
        if number < 2:
            picture(root / "segmentations" / name.replace(".jpg", ".png"), number)
    return root


SYNSETS = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03126707": "crane, hoist"}


def imagenet(root: Path) -> Path:
    """Three synsets, two of them called crane, in train/ and val/, with the words of the Kaggle download."""
    text(root / "LOC_synset_mapping.txt", "".join(f"{synset} {words}\n" for synset, words in SYNSETS.items()))
    for number, synset in enumerate(SYNSETS):
        picture(root / "train" / synset / f"{synset}_10026.JPEG", number)
        picture(root / "val" / synset / f"ILSVRC2012_val_0000000{number + 1}.JPEG", number)
    return root


def flat_imagenet(root: Path, *, devkit: bool) -> Path:
    """The same with val/ as downloaded: labels in the development kit, or in Kaggle's table below ILSVRC/."""
    base = root if devkit else root / "ILSVRC/Data/CLS-LOC"
    for number in range(3):
        picture(base / "val" / f"ILSVRC2012_val_0000000{number + 1}.JPEG", number)
    if not devkit:
        text(root / "LOC_synset_mapping.txt", "".join(f"{synset} {words}\n" for synset, words in SYNSETS.items()))
        rows = [
            f"ILSVRC2012_val_0000000{3 - n},{synset} 85 1 499 272 {synset} 1 1 9 9" for n, synset in enumerate(SYNSETS)
        ]
        text(root / "LOC_val_solution.csv", "\n".join(["ImageId,PredictionString", *rows, ""]))
        return root
    data = root / "ILSVRC2012_devkit_t12" / "data"
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    named = [(number + 7, synset, words, "", 0) for number, (synset, words) in enumerate(SYNSETS.items())]
    table = np.array([*named, (1860, "n00001740", "entity", "", 3)], dtype=kinds)
    data.mkdir(parents=True)
    scipy.io.savemat(data / "meta.mat", {"synsets": table[:, None]})
    text(data / "ILSVRC2012_validation_ground_truth.txt", "9\n8\n7\n")
    return root


def imagenet9(root: Path) -> Path:
    for variant in ("original", "mixed_same", "mixed_rand", "mixed_next", "only_fg"):
        for number, label in enumerate(("00_dog", "02_wheeled vehicle")):
            picture(
                root / "bg_challenge" / variant / "val" / label / f"fg_n0208562{number}_77_bg_n01440764_5.JPEG", number
            )
    return root


def full_metashift(root: Path) -> Path:
    """generate_full_MetaShift.py: pictures lie in several subsets; 5 shows a cat and a dog."""
    folders = {
        "cat/cat(sofa)": (1, 2), "cat/cat(keyboard)": (2, 3), "cat/cat(dog)": (5,), "dog/dog(sofa)": (4,),
        "dog/dog(cat)": (5,), "dog/dog(boat)": (6,),
    }  # fmt: skip
    for folder, numbers in folders.items():
        for number in numbers:
            picture(root / folder / f"{number}.jpg", number)
    return root


def unmixed_metashift(root: Path) -> Path:
    for number, folder in enumerate(
        ("train/cat/cat(indoor)", "train/dog/dog(outdoor)", "test/cat/cat(outdoor)", "test/dog/dog(indoor)")
    ):
        picture(root / folder / f"{number}.jpg", number)
    return root


def mixed_metashift(root: Path) -> Path:
    groups = {"1": ["cat(indoor)"], "2": ["dog(outdoor)"], "3": ["cat(outdoor)"], "4": ["dog(indoor)"]}
    for number, (group,) in groups.items():
        split = "train" if int(number) < 3 else "val_out_of_domain"
        picture(root / split / group[:3] / f"{number}.jpg", int(number))
    (root / "imageID_to_group.pkl").write_bytes(pickle.dumps(groups, protocol=3))
    return root


def thing(size: str, color: str, material: str, shape: str) -> dict[str, object]:
    return {
        "size": size, "color": color, "material": material, "shape": shape, "3d_coords": [1.0, 2.0, 0.7],
        "pixel_coords": [3, 4, 5], "rotation": 1.5, "mask": {"size": [320, 480], "counts": "abc"},
    }  # fmt: skip


GREY_CUBE = thing("large", "gray", "metal", "cube")
CYLINDER = thing("large", "red", "rubber", "cylinder")
BLUE_CUBE = thing("large", "blue", "metal", "cube")
METAL_SPHERE = thing("small", "green", "metal", "sphere")


def clevr_hans(root: Path) -> Path:
    """Two classes; the large cube of class 0 is grey in train and val, blue in test."""
    objects = {"train": [GREY_CUBE, CYLINDER], "val": [GREY_CUBE, CYLINDER], "test": [BLUE_CUBE, CYLINDER]}
    for split, first in objects.items():
        scenes = []
        for class_id, things in enumerate((first, [METAL_SPHERE, CYLINDER, BLUE_CUBE])):
            name = f"CLEVR_Hans_classid_{class_id}_{0:06d}.png"
            picture(root / split / "images" / name, class_id)
            scenes.append(
                {"image_filename": name, "image_index": 0, "class_id": class_id, "split": split, "objects": things,
                 "relationships": {"left": [[1], []]}, "directions": {"right": [0.6, 0.7, 0.0]}}
            )  # fmt: skip
        text(root / split / f"CLEVR_HANS_scenes_{split}.json", json.dumps({"info": {}, "scenes": scenes}))
    return root


def clevr(root: Path) -> Path:
    for split in ("train", "val"):
        scenes = []
        for number, things in enumerate(([GREY_CUBE] * 3, [METAL_SPHERE, CYLINDER] * 5)):
            name = f"CLEVR_{split}_{number:06d}.png"
            picture(root / "CLEVR_v1.0" / "images" / split / name, number)
            scenes.append({"image_filename": name, "image_index": number, "split": split, "objects": things})
        text(root / "CLEVR_v1.0" / "scenes" / f"CLEVR_{split}_scenes.json", json.dumps({"scenes": scenes}))
    return root


def isic_2019(root: Path) -> Path:
    head = "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n"
    rows = "ISIC_0000000,0.0,1.0" + ",0.0" * 7 + "\nISIC_0000001_downsampled,1.0" + ",0.0" * 8 + "\n"
    text(root / "ISIC_2019_Training_GroundTruth.csv", head + rows + "ISIC_0024310,1.0" + ",0.0" * 8 + "\n")
    metadata = (
        "image,age_approx,anatom_site_general,lesion_id,sex\nISIC_0000000,55.0,anterior torso,,female\n"
        "ISIC_0000001_downsampled,30.0,,MSK4_0011169,\nISIC_0024310,,lower extremity,HAM_0000001,male\n"
    )
    text(root / "ISIC_2019_Training_Metadata.csv", metadata)
    for number, name in enumerate(("ISIC_0000000", "ISIC_0000001_downsampled", "ISIC_0024310")):
        picture(root / "ISIC_2019_Training_Input" / f"{name}.jpg", number)
    text(root / "ISIC_2019_Training_Input" / "ATTRIBUTION.txt", "CC BY-NC")
    return root


def isic_2018(root: Path) -> Path:
    for part, image in (("Training", "ISIC_0024306"), ("Validation", "ISIC_0034321"), ("Test", "ISIC_0034524")):
        row = f"{image},0.0,0.0,0.0,1.0,0.0,0.0,0.0\n" if part == "Test" else f"{image},1.0" + ",0.0" * 6 + "\n"
        name = f"ISIC2018_Task3_{part}_GroundTruth"
        text(root / name / f"{name}.csv", "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\n" + row)
        picture(root / f"ISIC2018_Task3_{part}_Input" / f"{image}.jpg", len(part))
    lesions = "image,lesion_id,diagnosis_confirm_type\nISIC_0024306,HAM_0000550,follow_up\n"
    text(root / "ISIC2018_Task3_Training_LesionGroupings.csv", lesions)
    return root


def isic_2020(root: Path) -> Path:
    head = "image_name,patient_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target\n"
    rows = (
        "ISIC_2637011,IP_7279968,male,45.0,head/neck,unknown,benign,0\n"
        "ISIC_0015719,IP_3075186,female,NA,upper extremity,melanoma,malignant,1\n"
    )
    text(root / "ISIC_2020_Training_GroundTruth.csv", head + rows)
    for number, name in enumerate(("ISIC_2637011", "ISIC_0015719")):
        picture(root / "train" / f"{name}.jpg", number)
    return root


def isic_2017(root: Path) -> Path:
    rows = "ISIC_0000000,0.0,0.0\nISIC_0000002,1.0,0.0\nISIC_0000013,0.0,1.0\n"
    text(root / "ISIC-2017_Training_Part3_GroundTruth.csv", "image_id,melanoma,seborrheic_keratosis\n" + rows)
    metadata = "image_id,age_approximate,sex\nISIC_0000000,55,female\nISIC_0000002,unknown,unknown\n"
    text(root / "ISIC-2017_Training_Data" / "ISIC-2017_Training_Data_metadata.csv", metadata)
    for number, name in enumerate(("ISIC_0000000", "ISIC_0000002", "ISIC_0000013")):
        picture(root / "ISIC-2017_Training_Data" / f"{name}.jpg", number)
        picture(root / "ISIC-2017_Training_Data" / f"{name}_superpixels.png", number)
    picture(root / "ISIC-2017_Training_Part1_GroundTruth" / "ISIC_0000002_segmentation.png")
    return root
