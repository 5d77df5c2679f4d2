"""The errors that a user can mend: the command line prints their one line and exits with 2."""


class AuditorError(Exception):
    """Says what was wrong, the value found, what was expected, and the next step, in one line."""


class InputError(AuditorError):
    """Pictures, manifest, vocabulary, settings or class names that cannot be used."""


class ModelError(AuditorError):
    """A classifier that cannot be loaded, traced, or does not fit its weights."""


class EncoderError(AuditorError):
    """A text-image encoder that cannot be loaded or does not know the words asked of it."""


class StoreError(AuditorError):
    """An audit on disk that is missing, incomplete, foreign, or cannot be written."""
