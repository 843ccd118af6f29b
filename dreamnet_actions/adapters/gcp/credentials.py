"""Who we are towards Google: the credentials, found and refreshed by google-auth.

In this order: the configuration's provider with the job's own token from GitHub; the file that the configuration or
``GOOGLE_APPLICATION_CREDENTIALS`` names (federation as google-github-actions/auth writes it, or a service account's
key); gcloud's application default credentials; the metadata server of the machine or pod. Importing this module imports
no client.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters import googlecloud
from dreamnet_actions.adapters.gcp.options import IdentityOptions
from dreamnet_actions.adapters.googlecloud import address

SCOPES = (googlecloud.PLATFORM, "https://www.googleapis.com/auth/userinfo.email")
"""What tokens are for. The cluster names an account by its address only with the second
(https://cloud.google.com/kubernetes-engine/docs/how-to/api-server-authentication)."""
_WAYS = (
    "In a workflow: 'identity-provider' in the configuration and 'permissions: {id-token: write}' on the job, or "
    "google-github-actions/auth before it. On a machine: gcloud auth application-default login, or "
    "GOOGLE_APPLICATION_CREDENTIALS. All of it: docs/gke.md"
)


def credentials(
    options: IdentityOptions, environ: Mapping[str, str], root: Path, request: Any, needs: tuple[str, str]
) -> Any:
    """Answer google-auth's credentials. ``request`` is google-auth's transport; ``needs`` is what asks for them,
    and the extra that brings google-auth.

    Raises ExtraMissing without google-auth, ConfigError where there are none or they cannot be read.
    """
    googlecloud.needs_google_auth(*needs)
    found = _federated(options, environ)
    if found is None:
        found = googlecloud.credentials(
            environ, scopes=SCOPES, request=request, hint=_WAYS, named=options.credentials, root=root
        )
    if options.service_account and not _acts_as(found, options.service_account):
        from google.auth import impersonated_credentials

        acting: Any = impersonated_credentials  # google-auth's constructors have no types
        found = acting.Credentials(
            source_credentials=found,
            target_principal=options.service_account,
            target_scopes=list(SCOPES),
            iam_endpoint_override=_impersonation(options.service_account, environ),
        )
    return found


def _federated(options: IdentityOptions, environ: Mapping[str, str]) -> Any:
    """Answer credentials from the token that GitHub gives this job; None outside of a job, or without a provider."""
    if options.identity_provider is None:
        return None
    url, bearer = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not url or not bearer:
        return None
    from google.auth import identity_pool

    pools: Any = identity_pool
    audience = f"//iam.googleapis.com/{options.identity_provider}"
    # GitHub gives the audience that is asked for, and providers take their own name with https: before it.
    asked = f"{url}{'&' if '?' in url else '?'}audience=https:{audience}"
    account = options.service_account
    return pools.Credentials(
        audience=audience,
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",  # noqa: S106 - a kind of token, and no token
        token_url=f"{address('sts', environ)}/v1/token",
        credential_source={
            "url": asked,
            "headers": {"Authorization": f"Bearer {bearer}", "Accept": "application/json"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        },
        service_account_impersonation_url=_impersonation(account, environ) if account else None,
        scopes=list(SCOPES),
    )


def _acts_as(found: Any, account: str) -> bool:
    """Say whether credentials are of an account already."""
    return account in (getattr(found, "service_account_email", None), getattr(found, "signer_email", None))


def _impersonation(account: str, environ: Mapping[str, str]) -> str:
    place = address("iamcredentials", environ)
    return f"{place}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"
