# ruff: noqa: E501  # a line of the table is a line of the terminal
"""What a user does wrong in the first hour, and the line that says what was wrong, found, expected and comes next."""

from __future__ import annotations

import shlex

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
    "run": f"3 settings are missing: --data (folder class/picture, or a manifest (.csv, .tsv, .jsonl, .parquet)), {_MODEL}, --out (folder of the audit); give them as flags, or as data, model, out {_IN_FILE}",
    "run --data val --out new": f"1 setting is missing: {_MODEL}; give it as a flag, or as model {_IN_FILE}",
    "run --config none.toml": "settings file none.toml cannot be read: No such file or directory; check --config",
    "run --config broken.toml": "settings file broken.toml is not valid TOML: Invalid value (at line 1, column 8); mend that place, or compare it with what `auditor init -o -` prints",
    "run --config misspelt.toml": "unknown settings 'modle', 'sede' in misspelt.toml; did you mean 'model'? did you mean 'seed'?",
    "run --config wrong.toml --jobs -1": "setting 'seed' = '-1': input should be greater than or equal to 0 (set in wrong.toml); besides, setting 'jobs' = '-1': input should be greater than or equal to 0 (set by --jobs)",
    f"{_RUN} --tolerance 20": "setting 'tolerance' = '20.0': input should be less than 1 (set by --tolerance)",
    f"{_RUN} --jobs many": "Invalid value for '--jobs': Input should be a valid integer, unable to parse string as an integer, found 'many'; `auditor run -h` lists what it takes",
    f"{_RUN} --sede 3": "No such option: --sede (Possible options: --encoder, --model, --seed); `auditor run -h` lists what it takes",
    # data
    "run --data vall --model none --out new": "data 'vall' not found; expected a folder class/picture, or a manifest (.csv, .tsv, .jsonl or .parquet) (--data, or data in auditor.toml)",
    "run --config full.toml": "data 'vall' not found; expected a folder class/picture, or a manifest (.csv, .tsv, .jsonl or .parquet) (--data, or data in full.toml)",
    "run --data one --model none --out new": "folder 'one': only one label, 'cat', in 1 picture; expected at least two classes to tell apart (--data, or data in auditor.toml)",
    "run --data val --model timm:resnet18 --out new": "6 pictures in val: at least 120 are needed, the 60 most and least active ones of each channel; add pictures or lower --n-extreme (n_extreme in auditor.toml)",
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
    assert line == f"error: {MISTAKES[command]}"
    assert all(one.startswith("WARNING: ") for one in before)
    assert not (folder / "new").exists() or not list((folder / "new").glob("audit.json"))
