"""One module a view, each with ``show(session)``."""
