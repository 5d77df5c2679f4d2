"""One DuckDB file per audit, written beside and renamed when whole."""
