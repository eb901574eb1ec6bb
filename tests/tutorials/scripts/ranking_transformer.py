"""Finds candidates for a customer, and sorts them by their scores."""

CANDIDATES = {"a": [0.0, 0.0], "b": [3.0, 3.0], "c": [1.6, 1.6]}


class Transformer(object):
    def preprocess(self, inputs):
        inputs = inputs["instances"][0]
        taken = inputs["bought"]
        article_ids = [article for article in CANDIDATES if article not in taken]
        return {
            "inputs": [
                {
                    "features": [CANDIDATES[article] for article in article_ids],
                    "article_ids": article_ids,
                }
            ]
        }

    def postprocess(self, outputs):
        preds = outputs["predictions"]
        ranking = list(zip(preds["scores"], preds["article_ids"]))
        ranking.sort(reverse=True)
        return {"ranking": [[round(score, 1), article] for score, article in ranking]}
