"""Let a challenger take over from the champion, and roll back.

An alias says which version is the champion. Its history says who changed it and why.

Needs the extra `serving`.
"""

import tempfile
from pathlib import Path

import hopsartifacts
from hopsartifacts import Model, ModelRegistry

SCRIPT = Path(__file__).parent / "scripts" / "price_predictor.py"


def save(registry: ModelRegistry, price: float, error: float) -> Model:
    """Save a version of a very small model."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "price.txt").write_text(str(price))
        model = registry.python.create_model("prices", metrics={"error": error})
        return model.save(folder)


registry = hopsartifacts.login("example-project").get_model_registry()
champion = save(registry, price=9.5, error=0.30)
champion.set_alias("champion", why="the first one")
deployment = champion.deploy(script_file=SCRIPT)
deployment.start()
try:
    print("champion answers:", deployment.predict(inputs=[[3]])["predictions"])
    first = deployment.version

    challenger = save(registry, price=11.0, error=0.25)
    if challenger.training_metrics["error"] < champion.training_metrics["error"]:
        challenger.set_alias("champion", why="a smaller error on held-out data")
        # The running deployment moves over without a failed request.
        deployment = challenger.deploy(script_file=SCRIPT)
    print("challenger answers:", deployment.predict(inputs=[[3]])["predictions"])

    # Customers complain: go back to what ran before.
    registry.rollback_alias("prices", "champion", why="complaints of customers")
    deployment.rollback(first, why="complaints of customers")
    print("after the roll back:", deployment.predict(inputs=[[3]])["predictions"])
    for change in registry.get_alias_history("prices", "champion"):
        print(f"champion -> version {change.version}: {change.why}")
finally:
    deployment.stop()
