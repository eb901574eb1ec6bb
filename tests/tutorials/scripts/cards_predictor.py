"""Gets features that the transformer has looked up."""

import os

import joblib


class Predict(object):
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_FILES_PATH"] + "/model.pkl")

    def predict(self, inputs):
        return self.model.predict(inputs).tolist()
