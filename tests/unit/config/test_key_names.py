"""Names of an env entry's values: each kind of sink has its own rule, and the strictest of an entry counts."""

from __future__ import annotations

import pytest

from dreamnet_actions import bootstrap
from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.domain.mapping import Mapper
from dreamnet_actions.domain.secret import Ref, SecretValue, Versioned
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake

HEAD = """\
version: 1
platforms:
  here: {process: {}}
  there: {kubernetes: {}}
services:
  web: {platform: here, command: [x]}
env:
  shop:
    from: {dotenv: shop.env}
"""
SECRET, CONFIGMAP = "kubernetes-secret: shop", "kubernetes-configmap: shop"


def read(entry: str) -> Config:
    return bootstrap.composed().validate(read_bytes((HEAD + entry).encode(), "dreamnet.yml"))


def mistakes(entry: str) -> list[Mistake]:
    with pytest.raises(ConfigInvalid) as caught:
        read(entry)
    return list(caught.value.mistakes)


@pytest.mark.parametrize("sink", [SECRET, CONFIGMAP])
@pytest.mark.parametrize("name", ["tls.crt", "ca.pem", ".dockerconfigjson", "a-b", "1", "x" * 253])
def test_a_kubernetes_object_takes_its_own_keys(sink: str, name: str) -> None:
    config = read(f"    to: [{{{sink}}}]\n    keys: {{{name!r}: db}}\n")

    assert list(config.env["shop"].keys) == [name]


@pytest.mark.parametrize("name", [".", "..", "..data", "x" * 254, "a/b", "a b", "ä", ""])
def test_what_no_object_takes_is_refused(name: str) -> None:
    (one,) = mistakes(f"    to: [{{{SECRET}}}]\n    keys:\n      {name!r}: db\n")

    assert (one.line, one.column) == (12, 7)


@pytest.mark.parametrize(
    ("sink", "name", "why"),
    [
        ("dotenv: out.env", "tls.crt", "no variable's name"),
        ("process: web", "a-b", "no variable's name"),
        ("process: web", "PORT", "set by the process platform itself"),
        ("job-environment: next-steps", "tls.crt", "no variable's name"),
        ("job-environment: next-steps", "ld_preload", "load or run something else"),
        ("github-secrets: repository", "tls.crt", "A-Z, 0-9 and '_', no digit first"),
        ("github-secrets: repository", "1A", "A-Z, 0-9 and '_', no digit first"),
        ("github-variables: repository", "GITHUB_KEY", "GitHub's own"),
    ],
)
def test_each_sink_refuses_what_it_cannot_hold_at_the_names_place(sink: str, name: str, why: str) -> None:
    (one,) = mistakes(f"    to: [{{{sink}}}]\n    keys:\n      OK: db\n      {name}: db\n")

    assert (one.line, one.column) == (13, 7)
    assert repr(sink.partition(":")[0]) in one.message
    assert name in one.message
    assert why in one.message


def test_the_strictest_sink_counts_and_all_mistakes_are_told_at_once() -> None:
    told = mistakes(
        f"    to: [{{{SECRET}}}, {{dotenv: out.env}}, {{process: web}}, {{github-secrets: repository}}]\n"
        "    keys:\n"
        "      tls.crt: cert\n"
        "      lower: x\n"
        "      FINE: x\n"
        "      GITHUB_X: x\n"
        "    templates: {a.b: '{{ FINE }}'}\n"
    )

    assert [(one.line, one.column) for one in told] == [(12, 7), (13, 7), (15, 7), (16, 17)]
    assert told[0].message == (
        "'dotenv' and 'process' cannot hold 'tls.crt': it is no variable's name (letters, digits and '_', no digit "
        "first). 'github-secrets' cannot hold 'tls.crt': a name is made of A-Z, 0-9 and '_', no digit first ('names: "
        "upper' of the entry makes such ones of what is found). 'kubernetes-secret' could, but names go to every sink "
        "of their entry, so the strictest counts."
    )
    assert told[1].message.startswith("'github-secrets' cannot hold 'lower': ")


def test_what_is_only_there_for_templates_is_no_sinks_concern() -> None:
    read(
        "    to: [{dotenv: out.env}]\n    keys: {tls.crt: cert}\n    only-for-templates: [tls.crt]\n"
        "    templates: {CERT: '{{ tls.crt }}'}\n"
    )


def test_rules_and_templates_name_such_keys() -> None:
    spec = read(
        f"    to: [{{{SECRET}}}]\n    keys: {{tls.crt: cert, tls.key: key}}\n    require: [tls.crt]\n"
        "    decode: {tls.key: base64}\n    rules: {tls.crt: certificate, tls.key: {type: private-key, requires: "
        "[tls.crt]}}\n    templates: {both.pem: '{{ tls.crt }}{{ tls.key|trim }}'}\n"
    ).env["shop"]
    mapper = Mapper(spec)
    values = {"cert": "C\n", "key": "S0s="}
    given = {Ref(name): Versioned(value=SecretValue(text), version="1") for name, text in values.items()}

    made = mapper.read(mapper.wanted(), given)

    assert {name: one.value.reveal() for name, one in made.items()} == {
        "tls.crt": "C\n",
        "tls.key": "KK",
        "both.pem": "C\nKK",
    }
