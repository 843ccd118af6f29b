"""Where Google's services are: their public addresses, or those that the variables of gcloud name.

``CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER`` and its kin are what gcloud itself reads
(https://cloud.google.com/sdk/gcloud/reference/config/set, ``api_endpoint_overrides``): for Private Service Connect.
"""

from __future__ import annotations

from collections.abc import Mapping

_USUAL = {
    "container": "https://container.googleapis.com",
    "sts": "https://sts.googleapis.com",
    "iamcredentials": "https://iamcredentials.googleapis.com",
    "connectgateway": "https://{location}connectgateway.googleapis.com",
}
VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"


def address(service: str, environ: Mapping[str, str], *, location: str = "") -> str:
    """Answer the address of a service, without a slash at its end. ``location`` picks a regional one."""
    given = environ.get(VARIABLE + service.upper(), "").rstrip("/")
    return given or _USUAL[service].format(location=f"{location}-" if location else "")
