import sys

from common.cli import run
from disclosure import differ
from disclosure.app import SERVICE

if sys.argv[1:2] == ["compare"]:
    sys.exit(differ.main(sys.argv[2:]))
run(SERVICE)
