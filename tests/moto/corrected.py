"""What moto says otherwise than Cognito, corrected."""

import base64

from moto.cognitoidp.models import CognitoIdpBackend
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.exceptions import JsonRESTError

initiate_auth = CognitoIdpBackend.initiate_auth


def with_secret_block(self, *args):
    """Cognito's SECRET_BLOCK is base64, moto's is the session as it stands."""
    answer = initiate_auth(self, *args)
    parameters = answer.get("ChallengeParameters", {})
    if "SECRET_BLOCK" in parameters:
        block = base64.b64encode(answer["Session"].encode()).decode()
        self.sessions[block] = self.sessions.pop(answer["Session"])
        answer["Session"] = parameters["SECRET_BLOCK"] = block
    return answer


def unknown(self):
    """As AWS says it; moto's word for an operation that it doesn't play is a page of HTML."""
    raise JsonRESTError("UnknownOperationException", "")


def correct():
    """From here on moto says it as Cognito does."""
    CognitoIdpBackend.initiate_auth = with_secret_block
    CognitoIdpResponse.get_tokens_from_refresh_token = unknown
