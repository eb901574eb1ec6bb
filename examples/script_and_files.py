"""Deploy a model of your own with a predictor script and an additional file.

The script is scripts/topic_predictor.py. It reads the model from `MODEL_FILES_PATH`,
and the additional file from `ARTIFACT_FILES_PATH`.

Needs the extra `serving`.
"""

import json
import tempfile
from pathlib import Path

import hopsartifacts

SCRIPTS = Path(__file__).parent / "scripts"
WORDS = {"goal": "sport", "match": "sport", "vote": "politics", "law": "politics"}

project = hopsartifacts.login("example-project")
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "words.json").write_text(json.dumps(WORDS))
    model = project.get_model_registry().python.create_model("topics")
    model.save(folder)

deployment = model.deploy(
    script_file=SCRIPTS / "topic_predictor.py",
    files=[SCRIPTS / "stop_words.txt"],
    env_vars={"DEFAULT_TOPIC": "other"},
)
# The same files again are the same artifact version.
print(deployment.explain())

deployment.start()
try:
    texts = ["The match ended with a late goal", "A vote on the law", "Hello"]
    answer = deployment.predict(inputs=texts)
    print(answer["predictions"])
finally:
    deployment.stop()
