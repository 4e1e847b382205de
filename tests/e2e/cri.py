"""cri.py SOCKET IMAGE [NAME]: has a container runtime pull an image, as the kubelet does: ImageService.PullImage of the CRI, a gRPC call over a Unix socket.

A kubelet's credential provider answers on stdin; without NAME nothing is read, and no password is sent. NAME is the key of the answer's `auth` that counts.
Prints what the runtime says: the image's reference, or its error.
"""

import json
import subprocess
import sys
import tempfile
from urllib.parse import unquote


def field(number, payload):
    """A length-delimited field of a protobuf message."""
    length, size = b"", len(payload)
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + payload


def request(image, login):
    """PullImageRequest: image (1) is an ImageSpec, auth (2) an AuthConfig. The kubelet names no server address (5)."""
    message = field(1, field(1, image.encode()))
    if login:
        message += field(2, field(1, login["username"].encode()) + field(2, login["password"].encode()))
    return b"\0" + len(message).to_bytes(4, "big") + message


def main():
    """Sends one request by curl, in a file: it holds a password."""
    socket, image, *name = sys.argv[1:]
    login = json.load(sys.stdin)["auth"].get(name[0]) if name else None
    with tempfile.NamedTemporaryFile() as file, tempfile.NamedTemporaryFile() as headers:
        file.write(request(image, login))
        file.flush()
        done = subprocess.run(
            ["curl", "-sS", "--http2-prior-knowledge", "--unix-socket", socket, "--max-time", "60", "--dump-header", headers.name,
             "--header", "content-type: application/grpc", "--header", "te: trailers", "--data-binary", f"@{file.name}",
             "http://localhost/runtime.v1.ImageService/PullImage"],
            capture_output=True, check=True,
        )
        said = dict(line.split(": ", 1) for line in open(headers.name, encoding="utf-8").read().splitlines() if ": " in line)
    if said.get("grpc-status", "0") != "0":
        sys.exit(unquote(said.get("grpc-message", "no message")))
    print(done.stdout[7:].decode())


if __name__ == "__main__":
    main()
