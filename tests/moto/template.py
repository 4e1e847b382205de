"""Plays docs/cognito/template.yml in moto, until stdin ends: each resource by the call that CloudFormation would make for it. boto3 checks each
parameter against AWS's own model. Prints where moto is and the stack's outputs, as one line of JSON."""

import json
import logging
import sys
from pathlib import Path

import boto3
import yaml
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters
from corrected import correct
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).parents[2]
REGION, ACCOUNT = "eu-west-1", "123456789012"
PASSWORD = "Correct-horse-battery-1"
PARAMETERS = {"RepositoryPrefix": "customers", "LoginPrefix": "northwind", "SamlMetadataUrl": "", "SesIdentity": ""}


class Loader(yaml.SafeLoader):
    """A YAML loader with CloudFormation's functions, each as {"!Name": argument}."""


def function(loader, tag, node):
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    # Sequences may contain further functions.
    argument = kinds[type(node)](node, deep=True) if isinstance(node, yaml.SequenceNode) else kinds[type(node)](node)
    return {f"!{tag}": argument}


Loader.add_multi_constructor("!", function)


class Stack:
    def __init__(self, template, client):
        self.template, self.client = template, client
        self.refs = PARAMETERS | {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
        self.refs |= {"AWS::StackName": "image-customers", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": None}
        self.attributes = {}

    def value(self, said):
        """Returns the value of a part of the template. Resources that do not exist yet are created first."""
        if isinstance(said, list):
            return [self.value(it) for it in said]
        if not isinstance(said, dict):
            return said
        (name, argument), *more = said.items() or [("", None)]
        if more or not name.startswith("!"):
            return {key: self.value(it) for key, it in said.items()}
        return getattr(self, name[1:].lower())(argument)

    def ref(self, name):
        if name not in self.refs:
            self.make(name)
        return self.refs[name]

    def getatt(self, path):
        name, attribute = path.split(".")
        self.ref(name)
        return self.attributes[name][attribute]

    def sub(self, text):
        begin, *parts = text.split("${")
        for part in parts:
            name, rest = part.split("}", 1)
            known = "${" + name[1:] + "}" if name.startswith("!") else self.getatt(name) if "." in name else self.ref(name)
            begin += str(known) + rest
        return begin

    def equals(self, sides):
        return self.value(sides[0]) == self.value(sides[1])

    def __getattr__(self, name):
        if name == "not":
            return lambda it: not self.value(it[0])
        if name == "if":
            return lambda it: self.value(it[1] if self.value(self.template["Conditions"][it[0]]) else it[2])
        raise AttributeError(name)

    def make(self, name):
        resource = self.template["Resources"][name]
        kind = resource["Type"].split("::")[-1]
        properties = {key: self.value(value) for key, value in resource.get("Properties", {}).items()}
        self.refs[name], self.attributes[name] = getattr(self, f"make_{kind.lower()}")(properties)

    def make_userpool(self, it):
        it["PoolName"] = it.pop("UserPoolName")
        # The API sets these values with a separate call.
        it.pop("EnabledMfas")
        pool = self.call("cognito-idp", "create_user_pool", **it)["UserPool"]["Id"]
        return pool, {"ProviderName": f"cognito-idp.{REGION}.amazonaws.com/{pool}"}

    def make_userpoolclient(self, it):
        return self.call("cognito-idp", "create_user_pool_client", **it)["UserPoolClient"]["ClientId"], {}

    def make_userpooldomain(self, it):
        self.call("cognito-idp", "create_user_pool_domain", **it)
        return it["Domain"], {}

    def make_managedloginbranding(self, it):
        # moto doesn't support it, but boto3 still checks the parameters.
        self.check("cognito-idp", "CreateManagedLoginBranding", it)
        return "style", {}

    def make_identitypool(self, it):
        it["IdentityPoolName"] = "customers"
        it["CognitoIdentityProviders"] = it.pop("CognitoIdentityProviders")
        return self.call("cognito-identity", "create_identity_pool", **it)["IdentityPoolId"], {}

    def make_identitypoolprincipaltag(self, it):
        self.check("cognito-identity", "SetPrincipalTagAttributeMap", it)
        return "tags", {}

    def make_identitypoolroleattachment(self, it):
        it["RoleMappings"] = {mapping.pop("IdentityProvider"): mapping for mapping in it["RoleMappings"].values()}
        self.check("cognito-identity", "SetIdentityPoolRoles", it)
        return "roles", {}

    def make_role(self, it):
        trust = json.dumps(it["AssumeRolePolicyDocument"])
        name = it["Description"].replace(" ", "-")
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        for policy in it.get("Policies", []):
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(policy["PolicyDocument"]))
        return arn, {"Arn": arn}

    def call(self, service, operation, **parameters):
        return getattr(self.client(service), operation)(**parameters)

    def check(self, service, operation, parameters):
        try:
            validate_parameters(parameters, self.client(service).meta.service_model.operation_model(operation).input_shape)
        except ParamValidationError as error:
            sys.exit(f"{operation}: {error}")


def main():
    correct()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())

    def client(service):
        return boto3.client(service, REGION, endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test")

    template = yaml.load((ROOT / "docs/cognito/template.yml").read_text(), Loader)
    stack = Stack(template, client)
    for name, resource in template["Resources"].items():
        if "Condition" not in resource:
            stack.ref(name)
    pool = stack.ref("Users")
    claims = {"email": "zoe@example.com", "email_verified": "true", "custom:customer": "acme", "custom:licensed": "yes", "custom:until": "2027-12"}
    attributes = [{"Name": name, "Value": value} for name, value in claims.items()]
    idp = client("cognito-idp")
    idp.admin_create_user(UserPoolId=pool, Username="zoe@example.com", UserAttributes=attributes)
    idp.admin_set_user_password(UserPoolId=pool, Username="zoe@example.com", Password=PASSWORD, Permanent=True)
    outputs = {name: stack.value(output["Value"]) for name, output in template["Outputs"].items()}
    print(json.dumps({"url": url, "outputs": outputs}), flush=True)
    sys.stdin.read()
    server.stop()


main()
