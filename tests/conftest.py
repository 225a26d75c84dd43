"""Everything that tests share is a plugin, a file each."""

from hypothesis import settings

pytest_plugins = [
    "tests.plugins.engines",
    "tests.plugins.kit",
    "tests.plugins.obligation_trace",
]

# How long one example takes says something about the machine and nothing about the code.
settings.register_profile("muniment", deadline=None)
settings.load_profile("muniment")
