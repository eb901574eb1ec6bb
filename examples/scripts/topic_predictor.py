"""Tell the topic of a text by its words."""

import json
import os
from collections import Counter
from pathlib import Path


class Predictor:
    """Loaded once in each worker."""

    def __init__(self) -> None:
        """Read the model and the additional file."""
        model = Path(os.environ["MODEL_FILES_PATH"], "words.json")
        self.topics: dict[str, str] = json.loads(model.read_text())
        stop_words = Path(os.environ["ARTIFACT_FILES_PATH"], "stop_words.txt")
        self.ignored = set(stop_words.read_text().split())
        self.default = os.environ["DEFAULT_TOPIC"]

    def predict(self, inputs: list[str]) -> list[str]:
        """Return the topic of each text."""
        return [self.topic(text) for text in inputs]

    def topic(self, text: str) -> str:
        """Return the most frequent topic."""
        words = set(text.lower().split()) - self.ignored
        counts = Counter(self.topics[word] for word in words if word in self.topics)
        return counts.most_common(1)[0][0] if counts else self.default
