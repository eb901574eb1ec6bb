"""The process inside a deployment: loads the scripts, answers predictions."""
