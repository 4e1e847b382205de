"""oras_client.py push|pull IMAGE FILE: pushes or pulls an artifact with one file, with ORAS's Python client, which uses the credential helpers of
docker's configuration."""

import os
import sys

import oras.client


def main():
    """The client keeps the file's name. A pull puts the file into the working directory."""
    action, image, file = sys.argv[1:]
    client = oras.client.OrasClient(hostname=image.split("/")[0], auth_backend="basic")
    client.auth.load_configs(client.get_container(image))
    if action == "push":
        os.chdir(os.path.dirname(file))
        client.push(target=image, files=[os.path.basename(file)])
    else:
        client.pull(target=image, outdir=os.path.dirname(file))


if __name__ == "__main__":
    main()
