"""The kit that tests of every package share: a clock to turn, an issuer of tokens, a served application, a log in memory."""

from common.testing.clock import FixedClock
from common.testing.holder import Holder
from common.testing.issuer import Issuer
from common.testing.keyring import MemoryKeyring
from common.testing.log import MemoryBroker
from common.testing.serving import client_of, serving

__all__ = ["FixedClock", "Holder", "Issuer", "MemoryBroker", "MemoryKeyring", "client_of", "serving"]
