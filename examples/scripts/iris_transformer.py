"""From flowers as clients describe them to rows of the model, and back."""

from typing import Any

SPECIES = ["setosa", "versicolor", "virginica"]


class Transformer:
    """Both methods are optional."""

    def preprocess(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the rows of a request: centimetres, as the model was trained on."""
        flowers = inputs["instances"]
        rows = [[*flower["sepal"], *flower["petal"]] for flower in flowers]
        return {"instances": [[value / 10 for value in row] for row in rows]}

    def postprocess(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with names in place of numbers."""
        return {"species": [SPECIES[number] for number in outputs["predictions"]]}
