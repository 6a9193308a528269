"""Rows straight into a connection's socket, where nothing is encrypted on the way: they are put into COPY's format and
sent by what numba compiles, which waits for the server by itself.

psycopg takes a piece of some rows a call, and lets the interpreter wait until there is room for it; while other threads
fold, each of those steps waits for them first. The packets are simple (PostgreSQL's manual: Frontend/Backend Protocol,
version 3): a letter, how long it is, and then rows. How a COPY begins and ends is libpq's business as ever.
"""

from __future__ import annotations

import ctypes
import socket
from functools import cache
from selectors import EVENT_WRITE, DefaultSelector
from typing import Any, Final

import numpy as np
import psycopg
from psycopg.copy import LibpqWriter

from store.shadow_packed import packed
from tracker.projections.machine import Called, Machine

__all__ = ["MACHINE", "ToSocket", "calls"]

_MESSAGE: Final = 1 << 17
"""So many bytes of rows are sent at once: they stay in the processor's caches, and the server is not woken often."""

_PATIENCE_MS: Final = 1_000
"""So often who waits looks whether the server is still there."""

_HEAD: Final = 5
"""Bytes of a packet before its rows."""

_CAN_WRITE: Final = 4  # POLLOUT, on all systems that have it
_QUIET: Final = getattr(socket, "MSG_NOSIGNAL", 0)

DONE, STUCK, LONG = 1, 0, -1
"""Why sending ended: all was sent; the server takes nothing, or is gone; a row is too long for the memory."""

_ROW, _AT, _END = range(3)
"""What the numbers of `state` are: the next row; what of the memory is still to be sent."""

MACHINE: Final = Machine(__name__)

_send: Final = Called("intp", ("int32", "intp", "intp", "int32"))
"""send: how many of so many bytes at an address it took; -1: none."""
_poll: Final = Called("int32", ("intp", "intp", "int32"))
"""poll, of what is at an address."""


@MACHINE.entry(
    *["int64"] * 6, "int64[:,::1]", "boolean[::1]", "int64", "int64", "uint8[::1]", "uint8[::1]", "int64", "int64[::1]",
    results=1,
)  # fmt: skip
def _sent(
    send: int, poll: int, number: int, flags: int, asked: int, patience: int,
    rows: Any, texts: Any, any_text: bool, length_bits: int, letters: Any, out: Any, place: int, state: Any,
) -> int:  # fmt: skip
    """Send rows, by way of the memory `out`, which is at the address `place`. `asked`: the address of what poll is to
    look at.
    """
    while True:
        waited = False
        while state[_AT] < state[_END]:
            size = _send(send, number, place + state[_AT], state[_END] - state[_AT], flags)
            if size > 0:
                state[_AT] += size
                waited = False
            elif waited or _poll(poll, asked, 1, patience) <= 0:
                return STUCK
            else:
                waited = True
        if state[_ROW] == len(rows):
            return DONE
        following, end = packed(rows, state[_ROW], texts, any_text, length_bits, letters, out, _HEAD)
        if end == _HEAD:
            return LONG
        out[0] = 100  # d
        size = end - 1
        for i in range(4):
            out[1 + i] = np.uint8(size >> 8 * (3 - i))
        state[_ROW], state[_AT], state[_END] = following, 0, end


@cache
def calls() -> tuple[int, int] | None:
    """Where send and poll are; None: nowhere where they are to be found."""
    try:
        system = ctypes.CDLL(None)
        found = [ctypes.cast(getattr(system, name), ctypes.c_void_p).value for name in ("send", "poll")]
    except (OSError, AttributeError, TypeError):
        return None
    return (found[0], found[1]) if found[0] and found[1] else None


class ToSocket(LibpqWriter):
    """What a COPY of psycopg's writes to. `plain`: the connection's socket."""

    def __init__(self, cursor: Any, plain: socket.socket, system: tuple[int, int]) -> None:
        super().__init__(cursor)
        self._plain, self._system = plain, system
        self._out = np.empty(_MESSAGE, np.uint8)
        self._state = np.zeros(3, np.int64)
        asked = [(plain.fileno(), _CAN_WRITE, 0)]
        self._asked = np.array(asked, [("number", np.int32), ("wanted", np.int16), ("found", np.int16)])

    def write(self, data: Any) -> None:
        """See LibpqWriter."""
        for start in range(0, len(data), _MESSAGE - _HEAD):
            part = data[start : start + _MESSAGE - _HEAD]
            self._out[:_HEAD] = np.frombuffer(b"d" + (len(part) + _HEAD - 1).to_bytes(4), np.uint8)
            self._out[_HEAD : _HEAD + len(part)] = np.frombuffer(part, np.uint8)
            self._state[_AT], self._state[_END] = 0, _HEAD + len(part)
            self._send_rest()

    def write_rows(self, rows: Any, texts: Any, length_bits: int, letters: Any) -> None:
        """Rows, as `shadow_packed.packed`. Raises psycopg.OperationalError if the connection is lost."""
        self._state[_ROW], any_text = 0, bool(texts.any())
        while True:
            why = _sent(
                *self._system, self._plain.fileno(), _QUIET, self._asked.ctypes.data, _PATIENCE_MS,
                rows, texts, any_text, length_bits, letters, self._out, self._out.ctypes.data, self._state,
            )  # fmt: skip
            if why == DONE:
                return
            if why == STUCK:
                self._send_rest()
            else:
                self._out = np.empty(2 * len(self._out), np.uint8)

    def _send_rest(self) -> None:
        """Send what is in the memory, by the interpreter, which knows what goes wrong."""
        with DefaultSelector() as selector:
            selector.register(self._plain, EVENT_WRITE)
            while (at := int(self._state[_AT])) < self._state[_END]:
                try:
                    self._state[_AT] += self._plain.send(self._out[at : int(self._state[_END])].data)
                except BlockingIOError:
                    selector.select(_PATIENCE_MS / 1_000)
                except OSError as error:
                    self._state[_AT] = self._state[_END] = 0
                    raise psycopg.OperationalError(f"the connection was lost: {error}") from None

    def finish(self, exc: BaseException | None = None) -> None:
        """See LibpqWriter. What was begun is sent as a whole, or nothing that follows would be understood."""
        self._send_rest()
        super().finish(exc)
