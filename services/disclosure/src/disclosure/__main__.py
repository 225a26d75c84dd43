from common.cli import run
from disclosure.app import SERVICE

run(SERVICE)
