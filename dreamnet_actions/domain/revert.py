"""A commit that was taken back and is to be reverted: what is proposed, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Revert:
    """A proposal to revert what a release brought that was taken back.

    ``bad`` is its commit and ``former`` the one that serves again, both by their full hash; ``former`` is None where
    that is no commit. ``why`` and ``evidence`` are untrusted text.
    """

    service: str
    platform: str
    branch: str
    bad: str
    former: str | None
    why: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """What became of a proposal: ``text`` for people, the page where it is (``url``), and whether it is ``new``."""

    text: str
    url: str | None = None
    new: bool = False
