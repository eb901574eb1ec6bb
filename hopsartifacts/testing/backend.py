"""The whole kit in one class: inherit, give a ``storage`` fixture, run pytest.

    class TestMyBackend(BackendConformance):
        @pytest.fixture
        def storage(self) -> Storage:
            return MyStorage("an empty place")

Each part is a class that can be inherited alone. What a back end need not have is asked
of its capabilities, so nothing has to be skipped; how long it takes is set by the
attributes of the parts.
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
    """Every part: the contract one promise at a time, and what is built upon it."""
