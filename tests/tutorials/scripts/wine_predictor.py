"""The simplest one: a class named Predict, the model by its environment variable."""

import os

import joblib
import numpy as np


class Predict(object):
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_FILES_PATH"] + "/model.pkl")

    def predict(self, inputs):
        return self.model.predict(np.asarray(inputs)).tolist()
