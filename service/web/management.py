"""Who may manage models over HTTP: only who has one of the keys for that; without any, nobody."""

from __future__ import annotations

from fastapi import Request
from starlette.exceptions import HTTPException

from booth_client.errors import Forbidden, Unauthorized
from service.web.access_control import offered_key
from service.web.state import ServiceState

__all__ = ["check_management"]


def check_management(request: Request, state: ServiceState) -> None:
    """Let a request pass that has one of ``BOOTH_MANAGEMENT_KEYS``.

    Guesses count as the requests that they are: the access control has counted them before.

    Raises:
        HTTPException: 404, where there are no such keys: the route is as if it were not there.
        Unauthorized: it has no valid key.
        Forbidden: its key is valid, but only for what needs an ordinary one.

    """
    keys, offered = state.api_keys, offered_key(request.scope)
    if not keys.can_manage:
        raise HTTPException(404)
    if keys.manager_name_of(offered):
        return
    if keys.name_of(offered):
        raise Forbidden("This key may not manage models; send one of BOOTH_MANAGEMENT_KEYS.")
    raise Unauthorized("Send a key that may manage models: `Authorization: Bearer <key>`.")
