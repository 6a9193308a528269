"""The rules, once: the subset of Python that numba compiles, on columns of 64-bit whole numbers.

Every number that the tracker shows comes out of these functions. A live bot runs them as they stand here, one event at
a time; a replay runs *the same functions* compiled (`compiled.py`), a million events at a time. So they know neither
objects nor texts nor dicts: a member, a channel, an open session is a row of a table, and all tables are one array.

* A row is named by the offset of its first number, so that `m[who + M_STATE]` is a member's state. -1: none.
* Functions that give a truth value stop with False where they lack room for new rows or the local days of an instant;
  what they did until then stands, nothing that they did is done again when the caller has seen to it (`Memory.supply`)
  and repeats the call. That is why every function first settles and only then changes.
"""
