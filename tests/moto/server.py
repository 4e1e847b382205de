"""Runs moto with a user pool and an identity pool until stdin ends. Prints its address and the ids as one line of JSON."""

import json
import logging
import sys

import boto3
from corrected import correct
from moto.server import ThreadedMotoServer

PASSWORD = "Correct-horse-battery-1"
FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]

def main():
    correct()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())

    def client(service):
        return boto3.client(
            service, "eu-west-1", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test"
        )

    idp = client("cognito-idp")
    pool = idp.create_user_pool(PoolName="customers", UsernameAttributes=["email"])["UserPool"]["Id"]

    def app(**more):
        made = idp.create_user_pool_client(UserPoolId=pool, ClientName="app", ExplicitAuthFlows=FLOWS, **more)
        return made["UserPoolClient"]

    public, secret = app(), app(GenerateSecret=True)
    for name in ["new@example.com", "known@example.com"]:
        idp.admin_create_user(UserPoolId=pool, Username=name, TemporaryPassword=PASSWORD)
    idp.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    identities = client("cognito-identity").create_identity_pool(
        IdentityPoolName="customers", AllowUnauthenticatedIdentities=False
    )
    role = client("iam").create_role(RoleName="pull", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    print(
        json.dumps(
            {
                "url": url,
                "user_pool_id": pool,
                "client_id": public["ClientId"],
                "secret_client_id": secret["ClientId"],
                "client_secret": secret["ClientSecret"],
                "identity_pool_id": identities["IdentityPoolId"],
                "role": role,
            }
        ),
        flush=True,
    )
    sys.stdin.read()
    server.stop()


main()
