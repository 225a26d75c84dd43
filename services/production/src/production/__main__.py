"""`python -m production api|worker|migrate|redrive`"""

from common.cli import run
from production.app import SERVICE

run(SERVICE)
