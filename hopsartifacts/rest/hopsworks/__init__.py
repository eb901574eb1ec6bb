"""What the official Hopsworks client asks for, in both its generations."""
