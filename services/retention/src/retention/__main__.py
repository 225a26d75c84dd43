"""`python -m retention api|worker|migrate|redrive`"""

from common.cli import run
from retention.app import SERVICE

run(SERVICE)
