"""The main container of a pod: one worker, and the first process, which minds it."""
