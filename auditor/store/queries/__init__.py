"""Whatever reads an audit by SQL: named, read-only, each giving records."""
