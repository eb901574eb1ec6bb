"""Previews of files, made in a helper process from a bounded part of their bytes."""
