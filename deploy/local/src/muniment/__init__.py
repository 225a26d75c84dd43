"""Runs the whole platform on one machine: engines, migrations, services, demonstration, measurements."""
