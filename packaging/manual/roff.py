"""Pages of the manual as troff, in the macros that every `man` knows (man(7)). It knows no program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markdown_it.token import Token


def escaped(text: str) -> str:
    """Plain text, so that no character of it means something to troff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def page(name: str, section: int, what: str, version: str, parts: Iterable[tuple[str, str]]) -> str:
    """A whole page; each part is a heading and the troff below it."""
    title = f'.TH {name.upper()} {section} "" "dhcpd {version}" ""'
    lines = [title, ".SH NAME", f"{escaped(name)} \\- {escaped(what)}"]
    for heading, body in parts:
        lines += [f'.SH "{heading.upper()}"', body.rstrip("\n")]
    return "\n".join(lines) + "\n"


def literal(text: str) -> str:
    """Lines as they are."""
    return f".nf\n{escaped(text)}\n.fi"


def terms(rows: Iterable[tuple[str, str]]) -> str:
    """What is explained, and its explanation, row by row."""
    return "\n".join(f".TP\n.B {escaped(term)}\n{escaped(text)}" for term, text in rows)


def paragraphs(text: str) -> str:
    """Paragraphs that empty lines part."""
    return "\n.PP\n".join(escaped(" ".join(one.split())) for one in re.split(r"\n\s*\n", text.strip()))


def from_markdown(text: str) -> list[tuple[str, str]]:
    """A page of docs/ as parts: each heading of the second level begins one; what stands before them is the first."""
    parts: list[tuple[str, list[str]]] = [("description", [])]
    tokens = MarkdownIt().enable("table").parse(text)
    for heading, lines in _blocks(tokens):
        if heading:
            parts.append((heading, []))
        parts[-1][1].extend(lines)
    return [(heading, "\n".join(lines)) for heading, lines in parts if lines]


def _blocks(tokens: Sequence[Token]) -> Iterator[tuple[str, list[str]]]:
    """A heading with nothing, or nothing with the lines of a block."""
    inside = ""
    for token in tokens:
        if token.type == "inline":
            if inside == "h2":
                yield _plain(token), []
            elif inside != "h1":
                yield "", [*_BEGINNINGS.get(inside, [".PP"]), _inline(token)]
        elif token.type in {"fence", "code_block"}:
            yield "", [".PP", literal(token.content.rstrip("\n"))]
        elif token.nesting > 0 and not (token.tag == "p" and inside == "li"):
            inside = token.tag
        elif token.nesting < 0 and token.tag in {"p", "li"}:
            inside = ""


# What a block of text begins with, by what it stands in.
_BEGINNINGS = {"li": [".IP \\(bu 2"], "th": [".br"], "td": [".br"]}


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


def _inline(token: Token) -> str:
    """Running text: emphasis and code in bold, links by their words."""
    made = ""
    for child in token.children or ():
        if child.type in {"softbreak", "hardbreak"}:
            made += "\n"
        elif child.type == "code_inline":
            made += f"\\fB{escaped(child.content)}\\fP"
        elif child.type in {"strong_open", "em_open"}:
            made += "\\fB"
        elif child.type in {"strong_close", "em_close"}:
            made += "\\fP"
        else:
            made += escaped(child.content)
    return made
