"""Images that go with answers and announcements: values in, PNG out. Slow enough (some ms) to belong on a thread."""

from tracker.discord.cards.level import LevelFacts, level_card
from tracker.discord.cards.rank import RankFacts, rank_card

__all__ = ["LevelFacts", "RankFacts", "level_card", "rank_card"]
