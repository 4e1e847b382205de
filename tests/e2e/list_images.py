#!/usr/bin/env python3
"""Lists a repository's tags with boto3 and the profile ecr-auth-cognito, three times: the last two after two hours each.

    list_images.py REPOSITORY

Prints a line each time: the role, the tags, and the number of the key, counted from 1. The clock moves in the lab, and with libfaketime
($FAKETIME_TIMESTAMP_FILE) in this process and its children.
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
