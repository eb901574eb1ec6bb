"""Access to the user's own files in a project, with the method names of Hopsworks."""

from hopsartifacts.datasets.api import DatasetApi as DatasetApi
