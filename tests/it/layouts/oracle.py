"""What botocore makes of an environment: whose credentials it signs with.

Plays, on one loopback port, every service that credentials may come from. The password that its Amazon ECR gives is the access key id that
the call was signed with, so whoever asks for a password learns whose credentials were used. After it comes the path of the address that was asked.

Prints the port. Then reads a line of JSON for each question, and answers with a line, or with "error: ...":

- {"env": {NAME: VALUE}}: the access key id.
- {"end": TIME}: the services of the machine give this as the end of credentials from now on.
- {"time": TEXT}: the time, in whole seconds of UTC.

HOME stays the same for all questions, as botocore looks it up once.
"""

import base64
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

END = "2099-01-01T00:00:00Z"


# The end of the credentials that a container and an instance get, if a question said it.
given_end = None


def credentials(key, end=END):
    return {"AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token", "Expiration": given_end or end}


class Services(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text, kind="application/json"):
        body = text if isinstance(text, bytes) else text.encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if self.path == "/latest/api/token":
            self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length") or 0)).decode()

    def signer(self):
        return re.search(r"Credential=([^/]*)/", self.headers.get("authorization", "")).group(1)

    def do_PUT(self):
        self.body()
        self.answer("metadata-session", "text/plain")

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path.endswith("/security-credentials/"):
            return self.answer("role\n", "text/plain")
        if url.path.endswith("/security-credentials/role"):
            return self.answer(json.dumps({"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2020-01-01T00:00:00Z", **credentials("INSTANCE")}))
        if url.path == "/federation/credentials":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            key = "SSO" + query["account_id"] + query["role_name"] + self.headers["x-amz-sso_bearer_token"]
            found = {"accessKeyId": key, "secretAccessKey": "secret", "sessionToken": "token", "expiration": 4070908800000}
            return self.answer(json.dumps({"roleCredentials": found}))
        return self.answer(json.dumps({**credentials("CONTAINER", "2099-01-01T01:00:00+01:00"), "Token": ""}))

    def do_POST(self):
        body = self.body()
        if "x-amz-target" in self.headers:
            token = base64.b64encode(("AWS:" + self.signer() + self.path.rstrip("/")).encode()).decode()
            data = [{"authorizationToken": token, "expiresAt": 4070908800, "proxyEndpoint": "https://1.dkr.ecr.eu-west-1.amazonaws.com"}]
            return self.answer(json.dumps({"authorizationData": data}), "application/x-amz-json-1.1")
        call = {name: values[0] for name, values in parse_qs(body).items()}
        action = call["Action"]
        by = call["WebIdentityToken"].strip() if action.endswith("WebIdentity") else self.signer()
        key = re.sub(r"[^A-Za-z0-9]", "", by + call["RoleArn"].rsplit("/", 1)[1] + call.get("ExternalId", "") + call.get("DurationSeconds", ""))
        xml = (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
            f"<Expiration>{END}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn>"
            f"<AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser></{action}Result></{action}Response>"
        )
        return self.answer(xml, "text/xml")


def identity():
    import botocore.session

    try:
        session = botocore.session.get_session()
        client = session.create_client("ecr", region_name="eu-west-1")
        data = client.get_authorization_token()["authorizationData"][0]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    except Exception as error:  # Whatever it is, botocore has no identity.
        return f"error: {type(error).__name__}: {error}".replace("\n", " ")


def time(text):
    from datetime import timezone
    from dateutil.parser import parse

    try:
        found = parse(text)
    except ValueError as error:
        return f"error: {error}"
    if found.tzinfo is None:
        return "error: botocore can't compare a time without a zone"
    return found.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def main():
    global given_end
    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    kept = {name: os.environ[name] for name in ("HOME", "PATH")}
    for line in sys.stdin:
        question = json.loads(line)
        os.environ.clear()
        os.environ.update(kept)
        os.environ.update(question.get("env", {}))
        if "time" in question:
            print(time(question["time"]), flush=True)
        elif "end" in question:
            given_end = question["end"]
            print("noted", flush=True)
        else:
            print(identity(), flush=True)


main()
