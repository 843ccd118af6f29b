"""``dreamnet roles``: what a cluster's administrator gives to DreamNet, as YAML for ``kubectl apply -f -``."""

from __future__ import annotations

import re

import click

_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_FORMS = {
    "serviceaccount": re.compile(rf"{_NAME}:{_NAME}"),
    "user": re.compile(r"[^\s\"'\\]{1,300}"),
    "group": re.compile(r"[^\s\"'\\]{1,300}"),
}


class _Subject(click.ParamType[str]):
    """``KIND:NAME``, as the option's help has it."""

    name = "subject"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, _, who = str(value).partition(":")
        if kind not in _FORMS or not _FORMS[kind].fullmatch(who):
            self.fail(
                f"{value!r} is nobody; write serviceaccount:NAMESPACE:NAME, user:NAME or group:NAME",
                param,
                ctx,
            )
        return str(value)


@click.command()
@click.option(
    "--action",
    "chosen",
    multiple=True,
    metavar="ACTION",
    help="Only what this action needs, as a Role of its own (status, deploy, rollback, …); may be said again. 'route': "
    "what a service with an http-route needs besides; 'sync': what EnvKeeper needs besides 'status'.",
)
@click.option("--namespace", "-n", default="", metavar="NAME", help="Write this namespace into them.")
@click.option(
    "--to",
    "subjects",
    multiple=True,
    type=_Subject(),
    metavar="WHO",
    help="Bind them, too: user:NAME (on GKE a service account's address), serviceaccount:NAMESPACE:NAME or group:NAME.",
)
@click.option("--batch", is_flag=True, help="Also what services need that are Jobs or CronJobs.")
def roles(chosen: tuple[str, ...], namespace: str, subjects: tuple[str, ...], batch: bool) -> None:
    """Without --action, one Role with all that DreamNet does on a platform, but for HTTPRoutes (--action route) and
    values (--action sync). What your manifests hold beside workloads, Services and ConfigMaps needs a rule of yours.
    """
    from dreamnet_actions.bootstrap import roles as made
    from dreamnet_actions.errors.words import nearest

    known = made.actions()
    for one in chosen:
        if one not in known:
            near = nearest(one, known)
            said = f" Did you mean {near!r}?" if near else f" There are: {', '.join(known)}."
            raise click.BadParameter(f"there is no Role for {one!r}.{said}", param_hint="--action")
    if namespace and not re.fullmatch(_NAME, namespace):
        raise click.BadParameter(f"{namespace!r} is no name of a namespace", param_hint="--namespace")
    click.echo(made.roles(chosen, namespace=namespace, subjects=subjects, batch=batch), nl=False)
