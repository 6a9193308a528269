"""Rows straight out of a connection's socket, where nothing is encrypted on the way.

libpq gives one row a call, in memory of its own that is to be freed again, after it has copied it twice; that takes
longer than to take the row apart. So the question is sent, and what comes back is read, without it: the packets are
few and simple (PostgreSQL's manual: Frontend/Backend Protocol, version 3), and the connection is closed afterwards.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time
from collections import deque
from collections.abc import Generator
from contextlib import closing
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any, Final

import numpy as np
import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

from store.columns_bytes import word
from store.columns_question import CELLS, TEXTS
from store.columns_texts import Bytes
from tracker.projections.machine import Machine

__all__ = ["BEFORE", "MACHINE", "NAP_S", "Pieces", "plain_socket"]

BEFORE: Final = 5
"""Bytes of a packet before what is in it: a letter, and how long it is with this number."""

NAP_S: Final = 0.0003
"""So long the server goes on by itself when all that came is taken. If each of its packets woke us, that would cost
both of us more than what is in it."""

_LOOK_S: Final = 1.0
_FEW: Final = 1 << 16
"""When so little came, the server is to be let alone for a moment."""

_ROW, _END, _WRONG = b"DZE"
_AT, _COUNT = range(2)

MACHINE: Final = Machine(__name__)


@MACHINE.entry("uint8[::1]", "int64", "int64", "int64[::1]")
def _whole(m: Any, end: int, most: int, state: Any) -> None:
    """Go on to behind the last row that is there as a whole, as long as there are no more than `most` rows."""
    at, count = state[_AT], state[_COUNT]
    while count < most and end - at >= BEFORE and m[np.uint64(at)] == _ROW:
        behind = at + 1 + word(m, at + 1)
        if behind > end:
            break
        at, count = behind, count + 1
    state[_AT], state[_COUNT] = at, count


def plain_socket(connection: PGconn) -> socket.socket | None:
    """The connection's socket, to be closed as well; None: what comes out of it is not for us to read."""
    if sys.platform == "win32" or connection.ssl_in_use:
        return None
    found = socket.socket(fileno=os.dup(connection.socket))
    if found.family != getattr(socket, "AF_UNIX", None) and _is_hidden(connection):
        found.close()
        return None
    found.setblocking(False)
    return found


def _is_hidden(connection: PGconn) -> bool:
    """Whether Kerberos encrypts what is sent, as far as can be known."""
    try:
        asked = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__).PQgssEncInUse
    except (OSError, AttributeError, KeyError):
        return True
    asked.argtypes = [ctypes.c_void_p]
    return bool(asked(getattr(connection, "pgconn_ptr", None)) != 0)


class Pieces:
    """Asks a `columns_question`, on a connection on which nothing else goes on, nor ever will."""

    def __init__(self, plain: socket.socket, sql: str) -> None:
        self._socket = plain
        self._question = _packets(sql)
        self._over = self._came = False

    def pieces(self, rows: int, room: int, spare: int, used: deque[Bytes]) -> Generator[tuple[Bytes, int]]:
        """Packets of rows, up to so many at a time: in memory that is longer, and how much of it they take.

        `room`: about how much memory at once; behind it there are `spare` bytes. `used`: memory that nobody needs any
        more; it is taken before new one. Raises psycopg.Error.
        """
        with closing(self._socket), DefaultSelector() as selector:
            self._ask(selector)
            selector.register(self._socket, EVENT_READ)
            left = np.zeros(0, np.uint8)
            while not self._over:
                wanted = max(room, 2 * len(left)) + spare
                piece = used.popleft() if used and len(used[0]) >= wanted else np.empty(wanted, np.uint8)
                piece[: len(left)] = left
                piece, taken, filled = self._filled(selector, piece, len(left), rows, spare)
                left = piece[taken:filled].copy()
                yield piece, taken

    def _ask(self, selector: DefaultSelector) -> None:
        text = self._question
        selector.register(self._socket, EVENT_WRITE)
        while text:
            selector.select(_LOOK_S)
            try:
                text = text[self._socket.send(text) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise psycopg.OperationalError(f"the question could not be sent: {error}") from None
        selector.unregister(self._socket)

    def _filled(
        self, selector: DefaultSelector, piece: Bytes, filled: int, rows: int, spare: int
    ) -> tuple[Bytes, int, int]:
        """Fill memory, or larger one, from there on; returns it, what of it whole rows take, and what is filled."""
        state = np.zeros(2, np.int64)
        while True:
            _whole(piece, filled, rows, state)
            at = int(state[_AT])
            if state[_COUNT] == rows:
                break
            if filled - at >= BEFORE:
                behind = at + 1 + int.from_bytes(piece[at + 1 : at + BEFORE].tobytes())
                if piece[at] != _ROW and behind <= filled:
                    self._listen(piece[at:behind].tobytes())
                    piece[at : at + filled - behind] = piece[behind:filled].copy()
                    filled -= behind - at
                    if self._over:
                        break
                    continue
                if not at and behind > len(piece) - spare:  # there is not enough memory for one packet
                    piece = np.concatenate((piece[:filled], np.empty(behind + spare - filled, np.uint8)))
            if filled == len(piece) - spare:
                break
            filled += self._received(selector, piece[filled : len(piece) - spare])
        return piece, at, filled

    def _received(self, selector: DefaultSelector, free: Bytes) -> int:
        """Put there what has come; how much that is, 1 at least."""
        while True:
            try:
                count = self._socket.recv_into(free.data)
            except BlockingIOError:
                if self._came:
                    time.sleep(NAP_S)
                else:
                    selector.select(_LOOK_S)
                self._came = False
                continue
            except OSError as error:
                raise psycopg.OperationalError(f"the connection was lost: {error}") from None
            if not count:
                raise psycopg.OperationalError("the server closed the connection")
            self._came = True
            if count < min(_FEW, len(free)):
                time.sleep(NAP_S)
            return count

    def _listen(self, packet: bytes) -> None:
        """Anything but a row. Raises psycopg.Error for what the server says went wrong."""
        self._over = packet[0] == _END
        if packet[0] == _WRONG:
            said = {
                chr(field[0]): field[1:].decode(errors="replace") for field in packet[BEFORE:].split(b"\0") if field
            }
            raise _error(said.get("C", ""))(f"{said.get('S', 'ERROR')}:  {said.get('M', '')}")


def _packets(sql: str) -> bytes:
    """Parse, Bind, Execute, Sync. Numbers are to come in binary, texts as texts: each is less work for the server."""
    forms = [1] * (len(CELLS) - TEXTS) + [0] * TEXTS
    bound = b"\0\0" + bytes(4) + b"".join(form.to_bytes(2) for form in (len(forms), *forms))
    parts = (b"P", b"\0" + sql.encode() + b"\0\0\0"), (b"B", bound), (b"E", bytes(5)), (b"S", b"")
    return b"".join(letter + (len(part) + 4).to_bytes(4) + part for letter, part in parts)


def _error(state: str) -> type[psycopg.Error]:
    try:
        return psycopg.errors.lookup(state)
    except KeyError:
        return psycopg.DatabaseError
