"""The user's own files in a project, under Hopsworks' names; managed ones refused."""

from hopsartifacts.datasets.api import DatasetApi as DatasetApi
