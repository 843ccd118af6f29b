"""Google Cloud as every family here reaches it: where its services are, and who we are towards it.

``CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER`` and its kin are what gcloud itself reads
(https://cloud.google.com/sdk/gcloud/reference/config/set, ``api_endpoint_overrides``): for Private Service Connect.
Importing this module imports no client.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet_actions.errors import ConfigError
from dreamnet_actions.errors.configuration import ExtraMissing

PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
"""The scope of all that an account may do."""
VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"
_USUAL = {
    "cloudbuild": "https://cloudbuild.googleapis.com",
    "connectgateway": "https://{location}connectgateway.googleapis.com",
    "container": "https://container.googleapis.com",
    "iamcredentials": "https://iamcredentials.googleapis.com",
    "secretmanager": "https://secretmanager.{place}googleapis.com",
    "storage": "https://storage.googleapis.com",
    "sts": "https://sts.googleapis.com",
}


def address(service: str, environ: Mapping[str, str], *, location: str = "") -> str:
    """Answer the address of a service, without a slash at its end. ``location`` picks a regional one."""
    given = environ.get(VARIABLE + service.upper(), "").rstrip("/")
    named = {"location": f"{location}-", "place": f"{location}.rep."} if location else {}
    return given or _USUAL[service].format_map({"location": "", "place": ""} | named)


def needs_google_auth(what: str, extra: str = "gke") -> None:
    """See that google-auth is there. Raises ExtraMissing, which says that ``what`` needs it, and which extra has it."""
    try:
        import google.auth  # noqa: F401
    except ImportError:
        raise ExtraMissing(what, "google-auth", extra) from None


def credentials(
    environ: Mapping[str, str],
    *,
    scopes: Sequence[str],
    request: Any,
    hint: str,
    named: str | None = None,
    root: Path = Path(),
) -> Any:
    """Answer google-auth's credentials: of the file that is ``named`` (a path from ``root``), else that of
    ``GOOGLE_APPLICATION_CREDENTIALS``, else of gcloud's own (application default credentials), else those of the
    metadata server of the machine or pod. ``request`` is google-auth's transport.

    Raises ConfigError where there are none, with ``hint``, or where a file's cannot be used.
    """
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    if (file := _file(named, environ, root)) is not None:
        return _from_file(file, scopes, request)
    try:
        found, _ = google.auth.default(scopes=scopes, request=request)
    except GoogleAuthError as error:
        raise ConfigError(f"There are no credentials for Google Cloud.{_why(environ)}", hint=hint) from error
    return found


def _file(named: str | None, environ: Mapping[str, str], root: Path) -> Path | None:
    """Answer the file of credentials that is named, or that gcloud left where it leaves it; if any."""
    if given := named or environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return root / Path(given).expanduser()
    folder = environ.get("CLOUDSDK_CONFIG") or "~/.config/gcloud"
    left = Path(folder).expanduser() / "application_default_credentials.json"
    return left if left.is_file() else None


def _from_file(file: Path, scopes: Sequence[str], request: Any) -> Any:
    import google.auth
    from google.auth.credentials import with_scopes_if_required
    from google.auth.exceptions import GoogleAuthError

    load: Any = google.auth.load_credentials_from_dict  # google-auth has no types that say more
    scoped: Any = with_scopes_if_required
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
        with warnings.catch_warnings():
            # It warns of files from strangers; this one is named by whoever runs us.
            warnings.simplefilter("ignore")
            found, _ = load(info, request=request)
    except (OSError, ValueError, GoogleAuthError) as error:
        said = " ".join(str(error.args[0] if error.args else error).split())[:300]
        raise ConfigError(
            f"The credentials in {str(file)!r} cannot be used: {said}",
            hint="Have google-github-actions/auth run before DreamNet in the same job, or name another: docs/gke.md",
        ) from error
    return scoped(found, scopes)


def _why(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_ACTIONS") == "true" and not environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        return " GitHub gives this job no token of its own: it lacks 'permissions: {id-token: write}'."
    return ""
