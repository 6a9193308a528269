"""`tracker demo`: the real bot against the sandbox Discord. A morning in half a minute, with nothing to set up."""
