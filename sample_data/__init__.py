"""Rendered sample data: scenes, audit sets, a small encoder and classifiers, made by `python -m sample_data.build`."""
