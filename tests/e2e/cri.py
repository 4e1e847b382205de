"""cri.py SOCKET IMAGE [NAME]: makes a container runtime pull an image like the kubelet: ImageService.PullImage of the CRI, a gRPC call over a Unix
socket.

stdin has the answer of a kubelet's credential provider. Without NAME nothing is read, and no password is sent. NAME is the key in the answer's
`auth`. Prints the runtime's answer: the image's reference, or its error.
"""

import json
import subprocess
import sys
import tempfile
from urllib.parse import unquote


def field(number, payload):
    """Returns a length-delimited field of a protobuf message."""
    length, size = b"", len(payload)
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([number << 3 | 2]) + length + payload


def request(image, login):
    """Returns a PullImageRequest: image (1) is an ImageSpec, auth (2) an AuthConfig. The kubelet sets no server address (5)."""
    message = field(1, field(1, image.encode()))
    if login:
        message += field(2, field(1, login["username"].encode()) + field(2, login["password"].encode()))
    return b"\0" + len(message).to_bytes(4, "big") + message


def main():
    """Sends one request with curl. The request is in a file, because it contains a password."""
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
