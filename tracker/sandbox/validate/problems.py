"""Collecting what is wrong with a form, and saying it in Discord's shape.

https://discord.com/developers/docs/reference#error-messages
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker.sandbox.model import Json
from tracker.sandbox.wire import ApiError, Refusal

__all__ = ["Path", "Problems"]

Path = tuple[str | int, ...]


class Problems:
    """The nested errors of one form."""

    def __init__(self) -> None:
        self.errors: Json = {}

    def add(self, path: Path, code: str, message: str) -> None:
        """Something at `path` is wrong."""
        node = self.errors
        for key in path:
            node = node.setdefault(str(key), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def raise_if_any(self) -> None:
        """Raises ApiError 50035 if anything was added."""
        if self.errors:
            raise ApiError(Refusal.INVALID_FORM, errors=self.errors)

    def text(self, path: Path, value: Any, *, high: int, low: int = 0, required: bool = False) -> str | None:
        """Check a text's type and length; returns it if it is one."""
        if value is None:
            if required:
                self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            return None
        if not isinstance(value, str):
            self.add(path, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        if len(value) > high and low == 0:
            self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        elif not low <= len(value) <= high:
            if required and not value:
                self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            else:
                self.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
        return str(value)

    def items(self, path: Path, value: Any, *, high: int, low: int = 0) -> Sequence[Any]:
        """Check a list's type and length; returns its items."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return ()
        if not low <= len(value) <= high:
            wanted = f"{high} or fewer" if low == 0 else f"between {low} and {high}"
            code = "BASE_TYPE_MAX_LENGTH" if low == 0 else "BASE_TYPE_BAD_LENGTH"
            self.add(path, code, f"Must be {wanted} in length.")
        return value

    def thing(self, path: Path, value: Any) -> Json:
        """Check that it is an object; an empty one if it is not."""
        if value is None or isinstance(value, dict):
            return value or {}
        self.add(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return {}

    def number(self, path: Path, value: Any, *, low: int, high: int) -> int | None:
        """Check an integer's type and range; returns it if it is one."""
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.add(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        if value < low:
            self.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}.")
        if value > high:
            self.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}.")
        return value

    def one_of(self, path: Path, value: Any, allowed: Sequence[Any]) -> bool:
        """Check that it is one of a few values."""
        if value in allowed:
            return True
        listed = ", ".join(str(one) for one in allowed)
        self.add(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return False
