"""The process inside a deployment, which loads the scripts and answers predictions."""
