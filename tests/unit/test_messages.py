# ruff: noqa: E501  # a line of the table is a line of the terminal
"""What a user does wrong in the first hour, and the line that says what was wrong, found, expected and comes next."""

from __future__ import annotations

import shlex
import shutil

import pytest
from PIL import Image
from small_audit import write_small_audit
from typer.testing import CliRunner

from auditor import cli

_MODEL = "--model (torchvision:NAME, timm:NAME, hf:FOLDER, FILE.py:factory, module:factory, sample:planted, none)"
_IN_FILE = "in auditor.toml, which `auditor init` writes"
_NO_AUDIT = "no audit at none: the folder does not exist; make one with `auditor run --out none`"
_RUN = "run --data val --model none --encoder sample --out new"

#: The command after ``auditor``, and what follows "error: ".
MISTAKES = {
    # settings
    "run": f"3 settings are missing: --data (folder class/picture, a manifest (.csv, .tsv, .jsonl, .parquet), or shards (.parquet, .tar), also elsewhere (https://, s3://, gs://, hf:ID)), {_MODEL}, --out (folder of the audit); give them as flags, or as data, model, out {_IN_FILE}",
    "run --data val --out new": f"1 setting is missing: {_MODEL}; give it as a flag, or as model {_IN_FILE}",
    "run --config none.toml": "settings file none.toml cannot be read: No such file or directory; check --config",
    "run --config broken.toml": "settings file broken.toml is not valid TOML: Invalid value (at line 1, column 8); mend that place, or compare it with what `auditor init -o -` prints",
    "run --config misspelt.toml": "unknown settings 'modle', 'sede' in misspelt.toml; did you mean 'model'? did you mean 'seed'?",
    "run --config wrong.toml --jobs -1": "setting 'seed' = '-1': input should be greater than or equal to 0 (set in wrong.toml); besides, setting 'jobs' = '-1': input should be greater than or equal to 0 (set by --jobs)",
    f"{_RUN} --tolerance 20": "setting 'tolerance' = '20.0': input should be less than 1 (set by --tolerance)",
    f"{_RUN} --jobs many": "Invalid value for '--jobs': Input should be a valid integer, unable to parse string as an integer, found 'many'; `auditor run -h` lists what it takes",
    f"{_RUN} --sede 3": "No such option: --sede (Possible options: --encoder, --model, --seed); `auditor run -h` lists what it takes",
    # data
    "run --data vall --model none --out new": "data 'vall' not found; expected a folder class/picture, a manifest (.csv, .tsv, .jsonl or .parquet), or shards (.parquet or .tar) (--data, or data in auditor.toml)",
    "run --config full.toml": "data 'vall' not found; expected a folder class/picture, a manifest (.csv, .tsv, .jsonl or .parquet), or shards (.parquet or .tar) (--data, or data in full.toml)",
    "run --data one --model none --out new": "folder 'one': only one label, 'cat', in 1 picture; expected at least two classes to tell apart (--data, or data in auditor.toml)",
    "run --data val --model timm:resnet18 --out new": "6 pictures in val: at least 120 are needed, the 60 most and least active ones of each channel; add pictures or lower --n-extreme (n_extreme in auditor.toml)",
    # what people have, as it lies
    "run --data splits --model none --out new": "folder 'splits' holds splits ('train', 'val'), and what a model was trained on hides gaps; choose one with --split, such as --split val (--data, or data, split in auditor.toml)",
    "run --data splits --split test --model none --out new": "split 'test' not in folder 'splits'; splits: 'train (6 pictures)', 'val (6 pictures)' (--split, or split in auditor.toml)",
    "run --data val --split test --model none --out new": "split 'test' asked, but folder 'val' has no column 'split' and no folders of splits such as val/; drop --split, or name the splits (split in auditor.toml)",
    "run --data broken.csv --model none --out new": "manifest 'broken.csv': 3 sorts of problems: 1 row names a picture again ('val/cat/0.png' on line 2 and line 3): expected one row a picture: drop the others; 1 row has no path (line 4): name a file in each; 1 file is not there ('val/dog/9.png'): looked for in '{HERE}'; --data-root names another folder that the paths begin in (data, data_root in auditor.toml)",
    "run --data names.csv --model none --out new": "manifest 'names.csv': no column names the picture's class ('label' and the like); columns found: 'path', 'breed'; name it with --label-column (label_column in auditor.toml) (--data, or data in auditor.toml)",
    "run --data neither.csv --model none --out new": "manifest 'neither.csv': 2 sorts of problems: no column names the picture's file ('path' and the like); columns found: 'where', 'breed'; name it with --path-column (path_column in auditor.toml); no column names the picture's class ('label' and the like); columns found: 'where', 'breed'; name it with --label-column (label_column in auditor.toml) (--data, or data in auditor.toml)",
    "run --data flags.csv --model none --out new": "manifest 'flags.csv': no column names the picture's class ('label' and the like); columns found: 'path', 'cat', 'dog'; name it with --label-column (label_column in auditor.toml); or 'cat', 'dog' say yes and no: --multi-label audits a classifier of several labels (sigmoid outputs), label by label; `auditor manifest csv FILE --one-of A,B` keeps the pictures with one of A and B (--data, or data, multi_label in auditor.toml)",
    "run --data names.csv --label-column breeds --model none --out new": "manifest 'names.csv': no column 'breeds', which --label-column (label_column in auditor.toml) names; columns found: 'path', 'breed'; did you mean 'breed'? (--data, or data in auditor.toml)",
    "run --data two.csv --model none --out new": "manifest 'two.csv': 2 columns could be the one that names the picture's class: 'class', 'target'; say which with --label-column (label_column in auditor.toml), or call it 'label' (--data, or data in auditor.toml)",
    "run --data tags.csv --model none --out new": "manifest 'tags.csv': 1 picture has several labels ('val/cat/0.png' on line 2: 'cat|tree'): an audit needs one class a picture: --multi-label audits a classifier of several labels (sigmoid outputs), label by label; `auditor manifest csv FILE --one-of A,B` keeps the pictures with one of A and B; or name another column with --label-column (--data, or data, multi_label, label_column in auditor.toml)",
    "run --data far.csv --model none --out new": "manifest 'far.csv': 2 paths are absolute, and not below the folder of the pictures ('/photos/cat/0.png' on line 2, '/photos/dog/0.png' on line 3): give --data-root '/photos' (data_root in auditor.toml) (data in auditor.toml)",
    "run --data coco.json --model none --out new": "manifest 'coco.json': ends in '.json'; expected .csv, .tsv, .jsonl or .parquet; COCO annotations: `auditor manifest coco FILE` (--data, or data in auditor.toml)",
    "run --data val --data-root one --model none --out new": "data_root is for the paths of a manifest, and data 'val' is a folder: drop it (--data-root, or data_root in auditor.toml)",
    "run --data val --label-column breed --model none --out new": "path_column and label_column name columns of a manifest, and data 'val' is a folder without metadata.csv: drop them (--path-column, or path_column in auditor.toml)",
    "run --data val --model none --encoder sample --vocabulary words.toml --n-extreme 2 --out new": "vocabulary 'words.toml': not readable as TOML: Expected ']]' at the end of an array declaration (at line 1, column 10); mend that place (--vocabulary, or vocabulary in auditor.toml)",
    "run --data val --model none --encoder open_clip:ViT-B-99/openai --out new": "open_clip has no architecture 'ViT-B-99'; nearest: ViT-B-32, ViT-B-16, ViT-g-14 (--encoder, or encoder in auditor.toml)",
    "run --data val --model sample:planted --encoder sample --n-extreme 2 --out new": "1 of 2 labels unknown to the model: 'dog'; labels: 'cat', 'dog'; outputs: 'balloon', 'cat', 'landbird', 'vehicle', 'waterbird'; say which is which with --class-map FILE.csv, whose first line is label,output, and then a line a label, such as cat,0 (class_map in auditor.toml)",
    "run --data val --model sample:planted --encoder sample --class-map map.yaml --n-extreme 2 --out new": "class map 'map.yaml': ends in '.yaml'; expected .csv, .toml or .json (--class-map, or class_map in auditor.toml)",
    "run --data val --model sample:planted --encoder sample --target-layer layer9 --n-extreme 2 --out new": "layer 'layer9' not in sample:planted; candidates: stem, stages.0, stages.1, stages.2, stages.3, stages (set --target-layer) (target_layer in auditor.toml)",
    "run --data val --model sample:planted --encoder sample --map-method camm --n-extreme 2 --out new": "map method 'camm' is not known; did you mean 'cam'? (set --map-method) (map_method in auditor.toml)",
    "run --data val --model timm:resnet999 --n-extreme 2 --out new": "model 'resnet999' is none of timm; nearest: resnet50, resnet34, resnet26 (--model, or model in auditor.toml)",
    "run --data val --model best.pt --n-extreme 2 --out new": "model 'best.pt' is a file of weights; name its architecture with --model timm:NAME, torchvision:NAME or FILE.py:factory, and give the file with --weights (model, weights in auditor.toml)",
    "run --data val --predictions called.csv --encoder sample --n-extreme 2 --out new": "predictions 'called.csv': none of its 1 row is for a picture of the data ('val/cat/0.png'); expected paths as the data have them, such as 'cat/0.png' (--predictions, or predictions in auditor.toml)",
    "run --data val --predictions called.csv --model none --out new": "both --predictions and --model 'none': a model is run, or a file says what it called the pictures; give one of them",
    "run --data val --model none --features f.npz --out new": "features without predictions; give the file that says what pictures were called: --predictions",
    # the folder of the audit
    "run --data val --model none --out audit": "audit holds a finished audit: add --resume to bring it up to date, or give another --out (out in auditor.toml)",
    "run --data val --model none --out other": "other holds other files (letter.txt, ...) and no audit: give another --out (out in auditor.toml)",
    "run --data val --model none --out file": "file is a file; expected a folder for the audit: give another --out (out in auditor.toml)",
    # model and encoder
    "run --data val --model resnet50 --out new --n-extreme 2": "model 'resnet50' is no spec; expected torchvision:NAME, timm:NAME, timm:FOLDER, hf:FOLDER, FILE.py:factory, module:factory or sample:planted|balanced|stamped (--model, or model in auditor.toml)",
    "run --data val --model factory.py:make --out new --n-extreme 2": "model 'factory.py:make' runs code of factory.py: read it, then add --trust-code (--model, or model in auditor.toml)",
    "run --data val --model factory.py:mak --trust-code --out new --n-extreme 2": "model 'factory.py:mak': factory.py has no function 'mak'; did you mean 'make'? (--model, or model in auditor.toml)",
    "run --data val --model none.py:make --trust-code --out new --n-extreme 2": "model 'none.py:make': no such file none.py; give FILE.py:factory with the path of a file that is there (--model, or model in auditor.toml)",
    "run --data val --model timm:resnet18 --weights none.pt --out new --n-extreme 2": "weights none.pt: no such file; give a safetensors file or a state dict (--weights, or weights in auditor.toml)",
    "run --data val --model none --encoder clip --out new": "encoder 'clip' is unknown; expected open_clip:ARCH/PRETRAINED, open_clip:ARCH@FILE, sample or conse (--encoder, or encoder in auditor.toml)",
    # audits that are read
    "report": "Missing argument 'DIR'; `auditor report -h` lists what it takes",
    "rport audit": "No such command 'rport'. Did you mean 'report', 'export'? `auditor -h` lists what it takes",
    "report none": _NO_AUDIT,
    "verify none": _NO_AUDIT,
    "diff audit none": _NO_AUDIT,
    "calibrate none": _NO_AUDIT,
    "explain none a.jpg": _NO_AUDIT,
    "report val": "val holds no audit: it has no audit.json; give the folder of `auditor run --out`",
    "report file": "file is a file; expected the folder of an audit, the one given to `auditor run --out`",
    "rejudge audit --out audit": "audit holds a finished audit, which is left as it is: give another --out, or --replace to put the new one in its place",
    "dashboard none": "none does not exist; expected the folder of an audit, or one that holds audits",
    "dashboard val": "no audit in val or directly below; make one with `auditor run --out val/1`",
    # what is written
    "report audit --format pdf": "Invalid value for '--format': 'pdf' is not one of 'text', 'json', 'html', 'markdown', 'junit', 'sarif', 'github', 'model-card', found 'pdf'; `auditor report -h` lists what it takes",
    "report audit -o none/r.txt": "--output none/r.txt cannot be written: No such file or directory; give a file in a folder that exists and may be written",
    "report audit -o audit/audit.json": "--output audit/audit.json is a file of an audit, which would be destroyed; choose another name",
    "export audit -o -": "--output - is standard output, and an export is many files; give --output a folder",
    "export audit -o other": "--output other exists already and is not an empty folder; choose another one",
    "init -o file": "file exists already and is left as it is; give another name with --output",
    # the gate
    "gate audit --policy none.toml": "policy 'none.toml' cannot be read: No such file or directory; expected a TOML file",
    "gate audit --baseline none.toml": "baseline 'none.toml' does not exist; `auditor gate --update-baseline` writes one",
    "gate audit --reason x": "--reason, --who and --expires say how findings are accepted; add --update-baseline",
    "gate audit --update-baseline --expires soon": "--expires 'soon'; expected a date like 2030-01-31",
    # manifests, pictures, repairs and releases
    "manifest folder none": "manifest folder: 'none' is not a folder; expected one as ROOT",
    "manifest folder one": "folder 'one': 1 picture with one label only ('cat'); expected two classes",
    "manifest csv good.csv --crops x": "--crops is for coco, and the manifest is of csv; leave it out",
    "manifest csv tags.csv --one-of cat": "--one-of 'cat': expected at least two labels, separated by commas",
    "manifest csv tags.csv --one-of cat,dogs": "manifest 'tags.csv': no picture has the label 'dogs' of --one-of; labels: 'cat', 'dog', 'tree'; did you mean 'dog'?",
    "manifest csv good.csv -o m.txt": "manifest 'good.csv': --output 'm.txt' ends in '.txt'; expected .csv",
    "manifest csv lost.csv": "manifest 'lost.csv': 2 files are not there ('photos/a.png', 'photos/b.png'): looked for in '{HERE}'; --data-root names another folder that the paths begin in",
    "manifest waterbirds val -o -": "--output - is standard output, and a public set has a class map too; give --output a file",
    "manifest coco coco.json": "annotations 'coco.json': 'categories' is missing; expected COCO annotations: images, categories and annotations",
    "manifest hf val": "folder 'val' has no metadata.csv, metadata.jsonl, metadata.parquet with a column file_name, at its top or in folders of splits such as train/; add one, or take `auditor manifest folder` where folders are the classes",
    "explain audit none.jpg": "picture 'none.jpg' is neither a path or image id of the audited data (val) nor a file; give one of these, or --data where the pictures have moved",
    "export audit": "--output is missing: give the folder for the files, which is made",
    "export audit --class cat": "--class and --concept say which pictures; add --pictures (breaking, carrying, mistakes, pulled)",
    "export audit --pictures breaking --class ca --concept water": "class 'ca' is not one of the audit's 5; did you mean 'cat'?",
    "export audit --pictures breaking --class waterbird": "pictures 'breaking' of which concept? Only mistakes are told without one; name one with --concept: the audit's findings are on 'beak', 'water', 'watermark'",
    "export audit --pictures mistakes --class cat --format parquet": "--format parquet with --pictures; expected csv or paths",
    "repair audit --output w.safetensors": "say what to repair: --class with --concept, or --all-flagged",
    "repair audit --class cat --output w.safetensors": "--class and --concept belong together: give both, or --all-flagged",
    "repair audit --all-flagged --output -": "--output - is standard output, and a repair is weights with a card beside them; give --output FILE.safetensors",
    "repair audit --all-flagged --output w.pt": "--output w.pt: expected a name that ends with .safetensors",
    "collect none": "no audit at none: the folder does not exist; make one with `auditor run --out none`",
    "history none": "'none' is no folder; give folders of audits, or one that holds them",
    "history val": "no audit to tell a history of, in 0 folders that were looked at; give folders of audits, or one that holds them",
    "gate audit --against audit": "the audit and that of the release before, 'audit', are the same audit (run 'run-1'); give --against the folder of another one",
    "gate audit --allow-different-data": "--allow-different-data says how to compare with another release; add --against DIR",
    "doctor --data none": "data 'none' not found; expected a folder class/picture, a manifest (.csv, .tsv, .jsonl or .parquet), or shards (.parquet or .tar)",
    "doctor --split val": "--split is given without --data; name the pictures that the encoder is to be tried on",
    # the rest
    "rules E99": "no rule 'E99'; rules: E1, E2, E3, E4, E5, E6",
    "doctor --weights w.pt": "--weights is given without --model; name the model that it belongs to",
    "doctor --encoder sample": "--encoder is given without --data; name the pictures that the encoder is to be tried on",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, settings and an audit, as somebody may have them."""
    folder = tmp_path_factory.mktemp("first hour")
    for number, (name, shade) in enumerate((name, shade) for name in ("cat", "dog") for shade in (0, 40, 80)):
        (folder / "val" / name).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (shade, number, 0)).save(folder / "val" / name / f"{shade}.png")
    for split in ("train", "val"):
        (folder / "splits" / split).mkdir(parents=True)
        shutil.copytree(folder / "val" / "cat", folder / "splits" / split / "cat")
        shutil.copytree(folder / "val" / "dog", folder / "splits" / split / "dog")
    (folder / "one" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "one" / "cat" / "a.png")
    (folder / "other").mkdir()
    for name, text in {
        "other/letter.txt": "dear",
        "file": "",
        "factory.py": "def make(): pass\n",
        "broken.toml": "seed = \n",
        "misspelt.toml": 'modle = "none"\nsede = 3\n',
        "wrong.toml": 'data = "val"\nmodel = "none"\nout = "new"\nseed = -1\n',
        "broken.csv": "path,label\nval/cat/0.png,cat\nval/cat/0.png,cat\n,dog\nval/dog/9.png,dog\n",
        "names.csv": "path,breed\nval/cat/0.png,cat\nval/dog/0.png,dog\n",
        "neither.csv": "where,breed\nval/cat/0.png,cat\nval/dog/0.png,dog\n",
        "flags.csv": "path,cat,dog\nval/cat/0.png,1,0\nval/dog/0.png,0,1\n",
        "lost.csv": "path,label\nphotos/a.png,cat\nphotos/b.png,dog\n",
        "two.csv": "file,class,target\nval/cat/0.png,cat,0\nval/dog/0.png,dog,1\n",
        "tags.csv": "path,label\nval/cat/0.png,cat|tree\nval/dog/0.png,dog\n",
        "far.csv": "path,label\n/photos/cat/0.png,cat\n/photos/dog/0.png,dog\n",
        "good.csv": "path,label\nval/cat/0.png,cat\nval/dog/0.png,dog\n",
        "coco.json": "{}",
        "map.yaml": "cat: 0",
        "words.toml": "[[concept]\n",
        "called.csv": "path,called\nval/cat/0.png,cat\n",
        "full.toml": 'data = "vall"\nmodel = "none"\nout = "new"\n',
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    write_small_audit(folder / "audit")
    return folder


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_one_line_that_helps(folder, monkeypatch, command):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    result = CliRunner().invoke(cli.app, shlex.split(command), prog_name="auditor")
    assert result.exit_code == 2, result.output
    *before, line = result.stderr.splitlines()
    assert line == f"error: {MISTAKES[command].replace('{HERE}', str(folder))}"
    said = [one for one in before if not one.endswith(" so far")]  # what a slow machine is told after 30 s
    assert all(one.startswith("WARNING: ") for one in said)
    assert not (folder / "new").exists() or not list((folder / "new").glob("audit.json"))
