"""Human-readable text: tables, lists and sizes."""

from collections.abc import Iterable, Sequence

_UNIT = 1000


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], empty: str = ""
) -> str:
    """Return aligned columns under *header*, or *empty* if there are no rows."""
    rows = list(rows)
    if empty and not rows:
        return empty
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def listing(pairs: Iterable[tuple[str, object]]) -> str:
    """Return one line for each pair of a name and a value."""
    shown = [(f"{name}:", _cell(value)) for name, value in pairs]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {text}".rstrip() for name, text in shown)


def size(size_bytes: int) -> str:
    """Return a number of bytes in a human-readable unit."""
    value, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB"]
    while value >= _UNIT and len(units) > 1:
        value /= _UNIT
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"


def _cell(value: object) -> str:
    """Return *value* on one line, without characters that control a terminal."""
    text = "" if value is None else str(value)
    return "".join(it if it.isprintable() else " " for it in text)
