"""Policy, baseline and release diff: from verdicts to an exit code, pure but for reading and writing their TOML files."""
