"""Two replicas of the gateway on Apache Kafka and Redis: each customer is at one, their employee at the other."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from common.auth import DEVELOPMENT_ISSUER
from muniment.bench.environment import NO_LIMITS, running
from muniment.bench.stage import Stage, throwaway_stage
from muniment.load.active import FILES_EACH, SECONDS, SESSIONS, Active, measure
from muniment.load.driving import driver, need_files
from muniment.load.gateway import Gateway
from muniment.processes import ProcessSpec, Ready, free_port
from muniment.tokens import AUDIENCE, Issuer


async def run(*, sessions: int = SESSIONS, seconds: float = SECONDS) -> Active:
    """Measure them; the relay runs, and carries every entry to Kafka.

    Raises:
        PlainError: Kafka or Redis cannot be had here.
    """
    need_files(FILES_EACH * sessions)
    with throwaway_stage("kafka") as stage:
        await stage.fresh("chat_gateway")
        issuer = Issuer(stage.home)
        async with driver() as load:
            with stage.worker("chat_gateway"), _replica(stage, issuer) as one, _replica(stage, issuer) as other:
                return await measure(issuer, load, [one, other], sessions, seconds)


@contextmanager
def _replica(stage: Stage, issuer: Issuer) -> Iterator[Gateway]:
    port = free_port()
    settings = {
        **stage.settings("chat_gateway"),
        **NO_LIMITS,
        "MUNIMENT_REDIS_URL": stage.engines.redis_url,
        "MUNIMENT_ISSUER": DEVELOPMENT_ISSUER,
        "MUNIMENT_AUDIENCE": AUDIENCE,
        "MUNIMENT_JWKS": str(issuer.jwks),
        "MUNIMENT_PORT": str(port),
    }
    argv = (sys.executable, "-P", "-m", "chat_gateway", "api")
    spec = ProcessSpec(f"chat_gateway {port}", argv, env=settings, ready=Ready("http", port, "/readyz"))
    with running(spec, stage.log) as process:
        yield Gateway(port, process.pid)
