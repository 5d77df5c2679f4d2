"""Policy, baseline and release diff: pure but for reading and writing their TOML files."""
