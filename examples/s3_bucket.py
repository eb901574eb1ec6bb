"""Keep a project in a bucket of S3, MinIO or another server with the S3 protocol.

    python s3_bucket.py s3://my-bucket/team                          # Amazon
    python s3_bucket.py s3://my-bucket/team http://localhost:9000    # MinIO and others

Keys come from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or from ~/.aws.

Needs the extra `s3`.
"""

import sys
import tempfile
from pathlib import Path

import hopsartifacts

if not sys.argv[1:]:
    raise SystemExit(__doc__)
url, *endpoint = sys.argv[1:]
options = {"endpoint_url": endpoint[0]} if endpoint else {}
project = hopsartifacts.login(url, storage_options=options)

# Does this server give the guarantees that a project needs?
report = project.doctor()
if not report.ok:
    raise SystemExit(str(report))

registry = project.get_model_registry()
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "weights.bin").write_bytes(bytes(1_000_000))
    model = registry.python.create_model("in_a_bucket").save(folder)
    print(f"saved version {model.version} in {project.url}")

# Anyone with access to the bucket finds it, and gets the same bytes.
found = registry.get_model("in_a_bucket")
with tempfile.TemporaryDirectory() as folder:
    copy = Path(found.download(folder))
    print("downloaded:", sorted(path.name for path in copy.iterdir()))
print("intact:", project.verify().ok)
