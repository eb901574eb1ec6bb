"""Log every request and its answer, and read the log as a table.

Needs the extras `serving` and `logger`.
"""

import json
import tempfile
from pathlib import Path

import hopsartifacts

SCRIPT = Path(__file__).parent / "scripts" / "price_predictor.py"

project = hopsartifacts.login("example-project")
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "price.txt").write_text("2.5")
    model = project.get_model_registry().python.create_model("logged")
    model.save(folder)

deployment = model.deploy(script_file=SCRIPT, inference_logger="ALL")
deployment.start()
try:
    for amount in (1, 10, 100):
        deployment.predict(inputs=[[amount]])
finally:
    deployment.stop()

table = deployment.read_inference_log()
print(f"{table.num_rows} messages, {deployment.inference_log_drops()} dropped")
for row in table.to_pylist():
    print(row["messageType"], row["responseHttpCode"], json.loads(row["payload"]))
