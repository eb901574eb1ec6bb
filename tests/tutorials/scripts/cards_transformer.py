"""Puts features into the request where the keys of its rows were."""

FEATURES = {"4-1": [0.0, 0.0], "4-2": [3.0, 3.0]}


class Transformer(object):
    def __init__(self):
        self.features = FEATURES

    def preprocess(self, inputs):
        inputs["instances"] = [self.features[number] for number in inputs["instances"]]
        return inputs

    def postprocess(self, outputs):
        return outputs
