"""Makes tokens of texts, and names of numbers."""


class Transformer(object):
    def __init__(self):
        print("[Transformer] initialised")

    async def preprocess(self, inputs):
        return {"inputs": [text.split() for text in inputs["instances"]]}

    async def postprocess(self, outputs):
        return ["long" if count > 2 else "short" for count in outputs["predictions"]]
