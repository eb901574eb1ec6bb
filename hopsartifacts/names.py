"""All naming rules: for models, deployments, tags, aliases, versions and files.

The functions are pure. A function for one kind of name returns its argument in
canonical form, or raises ``InvalidNameError`` with the value and the rule it breaks.
"""

import operator
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

import msgspec

from hopsartifacts.errors import InvalidNameError

MODEL_RULE = "1 to 128 letters (a-z, A-Z), digits, '_' and '-', first a letter or digit"
DEPLOYMENT_RULE = "1 to 45 letters (a-z, A-Z) and digits"
TAG_RULE = "1 to 128 letters (a-z, A-Z), digits, '_', '-' and '.'"

ALIAS_RULE = (
    "1 to 64 letters (a-z, A-Z), digits, '_', '-' and '.', first a letter; 'latest' is "
    "the newest version"
)

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9]{1,45}")
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_ALIAS = re.compile(r"(?!latest$)[A-Za-z][A-Za-z0-9_.-]{0,63}")
_VERSION = re.compile(r"0|[1-9][0-9]{0,11}")
_FORBIDDEN = re.compile(r"[\\#?]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and surrogates, which are not valid Unicode (Cc and Cs)."""
_PART_LIMIT_BYTES = 255


class NameRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule for a kind of names, for those who check names as they are typed.

    Attributes:
        rule: the rule in words.
        pattern: the regular expression that the whole name matches. Names of devices on
            Windows match it too, but are refused.
        longest: the most characters.
    """

    rule: str
    pattern: str
    longest: int


MODEL_NAMES = NameRule(rule=MODEL_RULE, pattern=_MODEL.pattern, longest=128)
DEPLOYMENT_NAMES = NameRule(
    rule=DEPLOYMENT_RULE, pattern=_DEPLOYMENT.pattern, longest=45
)

HIGHEST_VERSION = 10**12 - 1
"""The highest number that a version can have."""

# Device names on Windows, where no folder can have such a name.
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in range(1, 10)]
)


def model_name(name: object) -> str:
    """Return *name*; raise ``InvalidNameError`` if it breaks ``MODEL_RULE``."""
    return _checked("model", name, _MODEL, MODEL_RULE)


def deployment_name(name: object) -> str:
    """Return *name*; raise ``InvalidNameError`` if it breaks ``DEPLOYMENT_RULE``."""
    return _checked("deployment", name, _DEPLOYMENT, DEPLOYMENT_RULE, _alphanumeric)


def tag_name(name: object) -> str:
    """Return *name*; raise ``InvalidNameError`` if it breaks ``TAG_RULE``."""
    return _checked("tag", name, _TAG, TAG_RULE)


def alias_name(name: object) -> str:
    """Return *name*; raise ``InvalidNameError`` if it breaks ``ALIAS_RULE``."""
    return _checked("alias", name, _ALIAS, ALIAS_RULE)


def default_deployment_name(model: str) -> str:
    """Derive a deployment name from a model name (``my_model`` → ``mymodel``).

    Source: Hopsworks clients from 4.2 on. Version 4.1 used the model's name unchanged,
    which broke its own rule.
    """
    return deployment_name(_alphanumeric(model))


def _alphanumeric(name: str) -> str:
    """Return *name* without the characters that a deployment's name cannot have."""
    return re.sub(r"[^A-Za-z0-9]", "", name)[:45]


def kubernetes_name(deployment: str) -> str:
    """Return the DNS-1035 label that KServe would use for *deployment*."""
    lower = deployment.lower()
    return lower if lower[0].isalpha() else f"d{lower}"


def version_number(version: object) -> int:
    """Return *version* as an int if it is a canonical decimal (``01`` is not ``1``)."""
    number = plain_number(version)
    text = plain_text(version) if number is None else str(number)
    if text is None or not _VERSION.fullmatch(text):
        raise InvalidNameError(
            f"{version!r} is not a version number: give a whole number like 1, "
            "without sign or leading zeros"
        )
    return int(text)


def is_version(name: str) -> bool:
    """Return whether *name* is a canonical version number from 1 up."""
    return name != "0" and _VERSION.fullmatch(name) is not None


def file_path(path: str) -> str:
    """Return *path*; raise ``InvalidNameError`` if a part of it breaks the rules."""
    for part in path.split("/"):
        flaw = _flaw_of_part(part)
        if flaw:
            raise InvalidNameError(
                f"file name {path!r} cannot be stored: {flaw}; rename the file"
            )
    return path


def distinct_paths(paths: Iterable[str]) -> None:
    """Refuse two paths that are the same path on some file systems.

    Folders count too: ``a/x`` and ``A/y`` need two folders that differ only in case.

    Raises:
        InvalidNameError: two paths differ only in case or Unicode form.
    """
    seen: dict[str, str] = {}
    for path in paths:
        for prefix in _prefixes(path):
            other = seen.setdefault(folded(prefix), prefix)
            if other != prefix:
                raise InvalidNameError(
                    f"{other!r} and {prefix!r} differ only in case or Unicode form, "
                    "so they are one file on some systems; rename one of them"
                )


def is_unicode(text: str) -> bool:
    """Return whether *text* can be encoded as UTF-8: it contains no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_text(value: object) -> str | None:
    """Return *value* as exactly a ``str``; None if it is not storable text.

    The encoder of documents refuses subclasses of ``str``, such as the strings of numpy
    arrays or of a string ``Enum``.
    """
    if not isinstance(value, str) or not is_unicode(value):
        return None
    return str.__str__(value)


def plain_number(value: object) -> int | None:
    """Return *value* as exactly an ``int``; None if it is not an integer.

    ``True`` and ``False`` do not count as 1 and 0.
    """
    if isinstance(value, bool):
        return None
    try:
        return int(operator.index(value))  # type: ignore[arg-type]  # it asks
    except TypeError:
        return None


def folded(name: str) -> str:
    """Return *name* case-folded and normalised (NFC), to compare names.

    Names with the same folded form are one name on some file systems.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _checked(
    kind: str,
    name: object,
    rule: re.Pattern[str],
    words: str,
    mended: Callable[[str], str] = lambda _: "",
) -> str:
    text = plain_text(name)
    if text is None or not rule.fullmatch(text):
        near = mended(text or "")
        like = f", like {near!r}" if near else ""
        raise InvalidNameError(
            f"{name!r} is not a valid {kind} name: use {words}{like}"
        )
    if text.lower() in _RESERVED:
        raise InvalidNameError(
            f"{text!r} is not a valid {kind} name: it is reserved (a device on "
            "Windows); choose another"
        )
    return text


def _flaw_of_part(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return f"it has the part {part!r}"
    if _FORBIDDEN.search(part):
        return "it contains a backslash, '#' or '?'"
    if _UNPRINTABLE.search(part):
        return "it contains a control character or is not valid Unicode"
    if part[-1] in " .":
        return "a part ends in a space or dot"
    if len(part.encode()) > _PART_LIMIT_BYTES:
        return f"a part is longer than {_PART_LIMIT_BYTES} bytes"
    return None


def _prefixes(path: str) -> Iterator[str]:
    for index, char in enumerate(path):
        if char == "/":
            yield path[:index]
    yield path
