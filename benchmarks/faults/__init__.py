"""Damage, hostile input, kills and full disks, counted: is a wrong byte ever read as right, does anything hang?

    python -m benchmarks.faults --series kills --trials 200 --seed 0 --work FOLDER

Each series is repeatable by its seed:

- ``gate``: attempts to bring a release through the gate that it should stop, a table of them.
- ``kills``: ``auditor run`` killed at a random moment, then ``--resume``, whose audit must say the same.
- ``disk``: the same where the disk is full at one of the files that are written, then has room.
- ``commands``: changed files given to the command line.
- ``files``: one bit flipped in a file of features, in what is kept to judge again, in the search index, the database,
  ``audit.json`` or the embedding cache; then it is read as the program reads it.
- ``decisions``: one bit flipped in the database or in ``audit.json``; then the gate decides.
- ``healed``: a file truncated, deleted or flipped; then ``auditor run --resume``, whose audit must say the same.
- ``inputs``: settings, manifests, vocabularies, policies, baselines, class maps, preprocessing, pictures, weights and
  the files of an audit, with bytes and values changed; then they are loaded.

*found* is damage that was told in one line (or made good), *harmless* a change that changes nothing that is said.
*silent* (a wrong byte read as right, a gate that passes), *traceback* and *hang* (over ten seconds) must be 0.
"""
