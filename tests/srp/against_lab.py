#!/usr/bin/env python3
"""Signs in to a lab with pycognito, once for each of generate.py's cases. The lab's numbers must be the cases' numbers.

    against_lab.py [--seed N] [--count N]      with LAB_CONTROL and AWS_ENDPOINT_URL of a lab

Users have temporary passwords, so that a correct password gets a challenge and no RSA signature is needed.
"""

import argparse
import json
import os
import urllib.request
import warnings

import boto3
import generate

warnings.filterwarnings("ignore", category=DeprecationWarning)


def control(path, body):
    request = urllib.request.Request(f"{os.environ['LAB_CONTROL']}/cognito/{path}", json.dumps(body).encode())
    urllib.request.urlopen(request).read()


def sign_in(idp, vector):
    """Returns the name of the challenge after a sign-in, or of the error."""
    client = generate.Client(vector["user_id"], vector["password"], int(vector["a"], 16))
    control("next-b", {"hex": vector["b"]})
    asked = idp.initiate_auth(
        AuthFlow="USER_SRP_AUTH", AuthParameters=client.get_auth_params(), ClientId=generate.CLIENT_ID
    )
    parameters = asked["ChallengeParameters"]
    assert asked["ChallengeName"] == "PASSWORD_VERIFIER", asked
    given = {"USER_ID_FOR_SRP": vector["user_id"], "SALT": vector["salt"], "SRP_B": vector["B"]}
    assert given.items() <= parameters.items(), (vector, parameters)
    answer = client.process_challenge(parameters, {"USERNAME": vector["user_id"]})
    try:
        done = idp.respond_to_auth_challenge(
            ClientId=generate.CLIENT_ID, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=answer
        )
    except idp.exceptions.NotAuthorizedException as refused:
        return str(refused)
    return done["ChallengeName"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=generate.SEED)
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    idp = boto3.client("cognito-idp")
    kinds = {}
    for index, vector in enumerate(generate.cases(arguments.seed, arguments.count)):
        user = {"username": vector["user_id"], "temporary_password": vector["password"], "salt": vector["salt"]}
        control("users", user)
        outcome = sign_in(idp, vector)
        assert outcome == "NEW_PASSWORD_REQUIRED", (vector, outcome)
        kinds[vector["kind"]] = kinds.get(vector["kind"], 0) + 1
        if index % 20 == 0:
            outcome = sign_in(idp, vector | {"password": vector["password"] + "x"})
            assert outcome.endswith("Incorrect username or password."), (vector, outcome)
    print(json.dumps({"agreed": sum(kinds.values()), "kinds": kinds}))


if __name__ == "__main__":
    main()
