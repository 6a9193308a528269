"""Buffer, live fold, group commit and the 60-second flush."""

from tracker.ingest.ingest import Ingest, Limits

__all__ = ["Ingest", "Limits"]
