"""What every event log must do, whichever engine stands behind it: one suite, run on each.

A test module gives a fixture `engine` (see `broker_kit.Engine`) and a class that inherits from `BrokerContract`.
"""

from tests.contracts.broker_outages import OutageContract
from tests.contracts.broker_publishing import PublishingContract
from tests.contracts.broker_reading import ReadingContract
from tests.contracts.broker_sharing import SharingContract


class BrokerContract(PublishingContract, ReadingContract, SharingContract, OutageContract):
    """All scenarios of the contract."""
