"""Corrects moto's answers that differ from Cognito's."""

import base64

from moto.cognitoidp.models import CognitoIdpBackend
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.exceptions import JsonRESTError

initiate_auth = CognitoIdpBackend.initiate_auth


def with_secret_block(self, *args):
    """Encodes SECRET_BLOCK in base64 as in Cognito. moto's is the plain session."""
    answer = initiate_auth(self, *args)
    parameters = answer.get("ChallengeParameters", {})
    if "SECRET_BLOCK" in parameters:
        block = base64.b64encode(answer["Session"].encode()).decode()
        self.sessions[block] = self.sessions.pop(answer["Session"])
        answer["Session"] = parameters["SECRET_BLOCK"] = block
    return answer


def unknown(self):
    """Returns AWS's error for an operation that moto doesn't support, instead of moto's HTML page."""
    raise JsonRESTError("UnknownOperationException", "")


def correct():
    """Installs the corrections."""
    CognitoIdpBackend.initiate_auth = with_secret_block
    CognitoIdpResponse.get_tokens_from_refresh_token = unknown
