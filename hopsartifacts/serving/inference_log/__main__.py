"""The command ``python -m …``: a shipper, which reads its order from stdin."""

import logging
import sys
import time

from hopsartifacts.serving.inference_log.shipper import serve

if __name__ == "__main__":  # pragma: no branch - never imported
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    serve(sys.stdin.buffer)
