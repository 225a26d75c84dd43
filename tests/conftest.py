"""Everything that tests share is a plugin, a file each."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.plugins.engines",
    "tests.plugins.kit",
    "tests.plugins.obligation_trace",
    "tests.plugins.store",
]

# How long one example takes says something about the machine and nothing about the code. The same examples come in every
# run, so that nobody's change is refused for what another run would have shown; `--hypothesis-profile=explore` tries others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("muniment", settings.get_profile("explore"), derandomize=True)
settings.load_profile("muniment")
