"""What log lines leave out: credentials wherever they stand, and the texts of exceptions that may quote a request."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

MASK = "***"
LEFT_OUT = "[text left out: it may quote a request]"
MOST_CHARACTERS = 32_768
# A credential at the place of the cut may not be whole, and then not be recognised.
_LONGEST_CREDENTIAL = 2_000
# A shorter one would be found in ordinary words.
_FEWEST_SECRET_CHARACTERS = 6
_OWN_PACKAGES = ("app", "config")
_CHAT_HOSTS = ("hook", "slack.", "discord", "telegram.", "chat.googleapis.")

_NAME_OF_ONE = r"(?:password|passwd|pwd|secret|token|api[_-]?key|signature|credential)"
# All repetitions are bounded, or cannot fail once begun: a line that somebody else chose costs linear time.
_API_KEY = re.compile(r"gsk_(?:([0-9a-z]{8})_)?[0-9A-Za-z_-]+")
_ADDRESS = re.compile(r"(https?://[^\s/?\"'<>]{1,255})([/?][^\s\"'<>]{0,2000})", re.IGNORECASE)
_MASKS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # A signed token begins with the Base64 of an opening brace.
        (r"(?<![0-9a-z_-])(?:eyJ|eyA|ewo|ewk)[0-9a-z_-]+(?:\.[0-9a-z_-]*)+", MASK),
        (r"((?:authorization|x[-_]api[-_]key|cookie)[\"']?\s{0,3}[:=,]\s{0,3}[\"']?)[^\s\"'][^\r\n\"']*", rf"\1{MASK}"),
        (r"\b(bearer|basic)\s{1,3}[0-9a-z._~+/=-]{16,}", rf"\1 {MASK}"),
        (r"(://[^\s\"'<>:@/]{0,100}:)[^\s\"'<>]{1,500}@", rf"\1{MASK}@"),
        (r"(://)[^\s\"'<>:@/]{1,200}@", rf"\1{MASK}@"),
        (rf"({_NAME_OF_ONE}[\"']?\s{{0,3}}=\s{{0,3}})(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"')\]}}]+)", rf"\1{MASK}"),
        (rf"({_NAME_OF_ONE}[\"']?\s{{0,3}}[:,]\s{{0,3}})(?:\"[^\"]+\"|'[^']+')", rf"\1{MASK}"),
        (r"([?&][0-9a-z_.-]{0,30}(?:key|sig|auth|code)=)[^&\s\"'<>#]+", rf"\1{MASK}"),
        # How the library of HTTP quotes the half of an address that lets one in.
        (r"(with url: )\S+", rf"\1{MASK}"),
        # gunicorn tells the address of a request that failed, with its query.
        (r"(Error handling request [a-z]{1,20} [^?\s]{0,4096})\?\S*", rf"\1?{MASK}"),
    )
)


class Redaction:
    """Masks what looks like a credential, and the secrets of this installation whatever they look like."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({part for secret in secrets for part in _list_parts(secret)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def mask(self, text: str) -> str:
        """Return the text without credentials, cut where it is longer than anybody reads."""
        whole, text = len(text), text[:MOST_CHARACTERS]
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _API_KEY.sub(_mask_api_key, text)
        text = _ADDRESS.sub(_mask_address, text)
        for pattern, replacement in _MASKS:
            text = pattern.sub(replacement, text)
        if whole > MOST_CHARACTERS:
            text = f"{text[:-_LONGEST_CREDENTIAL]} [cut, {whole} characters]"
        return text


def describe_exception(error: BaseException) -> str:
    """Write a traceback with types and places, but without texts of libraries: they quote the value that they refuse.

    The sentences of gluonserve's own exceptions hold no values, and stay.
    """
    return "\n\n".join(_describe_chain(error, set()))


def describe_type(error: BaseException) -> str:
    """The type of an exception, with as much of its text as cannot hold a value of a request."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__.partition(".")[0] in _OWN_PACKAGES:
        return f"{name}: {error}"
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return f"{name}: [Errno {error.errno}] {error.strerror}"
    if isinstance(error, ModuleNotFoundError):
        return f"{name}: {error.name}"
    return f"{name}: {LEFT_OUT}" if error.args else name


def _describe_chain(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    earlier, link = error.__cause__, "The above exception was the direct cause of the following exception:"
    if earlier is None and not error.__suppress_context__:
        earlier, link = error.__context__, "During handling of the above exception, another exception occurred:"
    if earlier is not None and id(earlier) not in seen:
        yield from _describe_chain(earlier, seen)
        yield link
    places = "".join(traceback.format_tb(error.__traceback__))
    yield f"Traceback (most recent call last):\n{places}{describe_type(error)}"


def _list_parts(secret: str) -> list[str]:
    """What gives a secret away. Of the address of a server that is its password; of a webhook, all after the host."""
    parts = [secret]
    if "://" in secret:
        address = _split_address(secret)
        parts = [*address, *map(unquote, address)]
    return [part for part in parts if len(part) >= _FEWEST_SECRET_CHARACTERS]


def _split_address(text: str) -> list[str]:
    try:
        split = urlsplit(text)
    except ValueError:
        return [text]
    path = text.partition(split.netloc)[2] if split.scheme in ("http", "https") else ""
    return [split.password or "", path, split.query]


def _mask_api_key(match: re.Match[str]) -> str:
    """Its id stays: with it an operator finds the key in the table."""
    return f"gsk_{match[1]}_{MASK}" if match[1] else f"gsk_{MASK}"


def _mask_address(match: re.Match[str]) -> str:
    host, rest = match.groups()
    is_webhook = "hook" in rest.lower() or any(name in host.lower() for name in _CHAT_HOSTS)
    return f"{host}/{MASK}" if is_webhook else match[0]
