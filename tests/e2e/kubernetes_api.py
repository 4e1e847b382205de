"""The smallest Kubernetes API that `kubectl apply --dry-run=client` accepts: the known kinds, and no objects.

kubernetes_api.py PORT: listens on 127.0.0.1 until it is stopped.
"""

import http.server
import json
import sys

SECRETS = {"name": "secrets", "singularName": "", "namespaced": True, "kind": "Secret", "verbs": ["create", "get", "patch"]}
DISCOVERY = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [SECRETS]},
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": "not found"}


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = DISCOVERY.get(self.path.split("?")[0])
        body = json.dumps(found or NOT_FOUND).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Api).serve_forever()
