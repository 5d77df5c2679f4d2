"""Whether a release passes: the audit, the policy and the baseline brought together; behind `gate` and `assert_no_shortcuts`."""
