"""Scores the candidates of one customer."""

import os

import joblib
import numpy as np


class Predict(object):
    def __init__(self):
        self.model = joblib.load(os.environ["MODEL_FILES_PATH"] + "/model.pkl")

    def predict(self, inputs):
        features = inputs[0].pop("features")
        article_ids = inputs[0].pop("article_ids")
        scores = np.asarray(self.model.predict_proba(features))[:, 1]
        return {"scores": scores.tolist(), "article_ids": article_ids}
