"""Everything that tests share is a plugin, a file each."""

pytest_plugins = [
    "tests.plugins.engines",
    "tests.plugins.kit",
    "tests.plugins.obligation_trace",
]
