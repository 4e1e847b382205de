#!/usr/bin/env python3
"""boto3 lists a repository's tags with the profile ecr-auth-cognito, three times: the last two after two hours each.

    list_images.py REPOSITORY

Prints a line each time: the role, the tags, and which key it was, counted from 1. The hours pass at the lab, and here, for this process
and all that it starts, where libfaketime reads $FAKETIME_TIMESTAMP_FILE.
"""

import json
import os
import sys
import urllib.request

import boto3

HOURS = 2


def pass_time(hours):
    with open(os.environ["FAKETIME_TIMESTAMP_FILE"], "w") as file:
        file.write(f"+{hours}h")
    advance = json.dumps({"seconds": HOURS * 3600}).encode()
    urllib.request.urlopen(urllib.request.Request(os.environ["LAB_CONTROL"] + "/advance", advance)).read()


def main():
    session = boto3.Session(profile_name="ecr-auth-cognito", region_name="eu-west-1")
    ecr, sts = session.client("ecr"), session.client("sts")
    keys = []
    for number in range(3):
        if number:
            pass_time(number * HOURS)
        images = ecr.list_images(repositoryName=sys.argv[1])["imageIds"]
        role = sts.get_caller_identity()["Arn"].split("/")[1]
        key = session.get_credentials().get_frozen_credentials().access_key
        keys += [key] if key not in keys else []
        print(role, *sorted(image["imageTag"] for image in images), keys.index(key) + 1)


main()
