"""Texts of strangers in a file that a spreadsheet may open: none of them is a formula there."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What a spreadsheet takes a text for a formula by, in wide letters too."""


def neutral(text: str) -> str:
    """With an apostrophe before what would be a formula, and before an apostrophe, so that `meant` gets it back."""
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def meant(cell: str) -> str:
    """The text that `neutral` made this cell of."""
    return cell.removeprefix("'")
