"""What other tools wrote, as facts: DiscordChatExporter's messages, and the totals of MEE6, Lurkr and Polaris.

Pure: a file comes in, entries come out, and what is wrong with an entry is said with its number. No database, no clock.
"""
