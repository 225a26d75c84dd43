"""Benchmarks. Each figure stands beside the ceiling that was measured in the same run, and the ratio is what counts."""
