"""Multiply amounts by a price."""

import os
from pathlib import Path


class Predictor:
    """Loaded once in each worker."""

    def __init__(self) -> None:
        """Read the price."""
        path = Path(os.environ["MODEL_FILES_PATH"], "price.txt")
        self.price = float(path.read_text())

    def predict(self, inputs: list[list[float]]) -> list[float]:
        """Return the price of each row, which is one amount."""
        return [amount * self.price for (amount,) in inputs]
