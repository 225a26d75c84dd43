from common.cli import run
from transcripts.app import SERVICE

run(SERVICE)
