"""200 shapes of secret values: what careless writers, readers and maskers change or show."""

from __future__ import annotations

import base64
import json
import random
import string

from tests.unit.domain.pems import CERTIFICATE, KEYS, token

SEED = 7007
COUNT = 200
_BY_HAND = [
    *KEYS,
    CERTIFICATE,
    token({"sub": "4711"}),
    "",
    "x",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "true",
    "false",
    "null",
    "0",
    "1",
    "***",
    "********",
    "%0A",
    "%25",
    "%0Aline%0Dtwo",
    "::add-mask::x",
    "::error::told",
    "##[error]told",
    "${{ secrets.A }}",
    "$(id)",
    "`id`",
    "$HOME/${HOME}",
    "a # comment",
    "#all a comment",
    "'single'",
    '"double"',
    'it\'s "both"',
    "\\",
    "a\\",
    "a\\\\n",
    "a\\'b",
    "k=v=w",
    "=",
    "==",
    "export X=1",
    "a,b;c",
    "a: b",
    "- a",
    "{a: b}",
    "[1, 2]",
    "&anchor",
    "*alias",
    "!tag",
    "|",
    ">",
    "~",
    "yes",
    "no",
    "on",
    "\ufeffbom-before",
    "trailing-line\n",
    "\nleading-line",
    " both sides ",
    "a\r\nb\r\nc",
    "one\ntwo\nthree\n",
    "nul\0inside-the-value",
    "\0",
    "bell\x07escape\x1b[31mred",
    "\x7f\x80\x9f",
    "\u202eright-to-left",
    "zero\u200bwidth",
    "🌙🌙🌙🌙",
    "Grüße aus Köln",
    "日本語の秘密",
    "e\u0301 combining",
    "\U0010ffff-last",
    "<b>html & more</b>",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "../../etc/passwd",
    "%s%n%x",
    "{0}{name}",
    "{{ A }}",
    "prefix-of-another",
    "prefix-of-another-and-more",
    "-----BEGIN PRIVATE KEY-----",
    "@octocat closes #1",
    "postgres://me:p%40ss%2Fw0rd@db:5432/app?sslmode=require",
    json.dumps({"a": {"b": ["c", 1, None, "ü"]}}, indent=2),
    '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-----END PRIVATE KEY-----\\n"}',
    base64.b64encode(b"a binary thing \x00\xff").decode(),
    base64.encodebytes(bytes(range(90))).decode(),
    "A" * 65_536,
    "ü" * 32_768,
    "a\n" * 32_768,
    "-rf",
    "--help",
    "0x7f",
    "1e309",
    "NaN",
    "2026-11-27T08:00:00Z",
    "~/.ssh/id_rsa",
]


def shapes() -> list[SecretShape]:
    """Answer all shapes, the same in every run but for the keys, which are made anew."""
    chance = random.Random(SEED)
    found: list[bytes] = [one.encode("utf-8", "surrogateescape") for one in _BY_HAND]
    found += [b"\xff\xfe\x00binary\x00", bytes(range(256)), b"\x80" * 40]
    alphabets = (
        string.printable,
        string.ascii_letters + string.digits,
        "äöü€🌙 '\"\\$#=%\n",
        string.punctuation,
    )
    while len(found) < COUNT:
        alphabet = alphabets[len(found) % len(alphabets)]
        text = "".join(chance.choice(alphabet) for _ in range(chance.choice((2, 5, 9, 20, 64, 500))))
        found.append(text.encode())
    return list(enumerate(found[:COUNT]))


SecretShape = tuple[int, bytes]
"""A shape's number and its bytes."""
