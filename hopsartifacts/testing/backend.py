"""All parts of the test kit in one class.

Inherit it, define a ``storage`` fixture, and run pytest:

    class TestMyBackend(BackendConformance):
        @pytest.fixture
        def storage(self) -> Storage:
            return MyStorage("an empty place")

Each part is a class that can be inherited alone. Optional features are looked up in the
capabilities, so no test is skipped. The attributes of the parts set how long the tests
take.
"""

from hopsartifacts.testing.conformance import StorageConformance
from hopsartifacts.testing.crashes import CrashConformance, FaultConformance
from hopsartifacts.testing.races import RaceConformance
from hopsartifacts.testing.random_calls import RandomCallsConformance
from hopsartifacts.testing.random_work import RandomWorkConformance


class BackendConformance(
    StorageConformance,
    RandomCallsConformance,
    RandomWorkConformance,
    RaceConformance,
    CrashConformance,
    FaultConformance,
):
    """All parts: each promise of the contract, and the store that is built on it."""
