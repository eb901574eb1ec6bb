"""Print the OpenAPI document of the JSON API: the types of the web UI come from it."""

import json
import sys

from hopsartifacts.rest.application import API_OPERATIONS
from hopsartifacts.rest.openapi import document

json.dump(document(API_OPERATIONS), sys.stdout, indent=1, sort_keys=True)
