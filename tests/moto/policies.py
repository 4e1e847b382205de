"""Evaluates PullRole's policies of docs/cognito/template.yml, and the policy that docs/cognito/ending-access.md adds, by IAM's rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"""

import json
import re
import sys
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

DOCS = Path(__file__).parents[2] / "docs/cognito"
PARAMETERS = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333", "RepositoryPrefix": "customers"}


def listed(it):
    return it if isinstance(it, list) else [it]


def substitute(text):
    return re.sub(r"\$\{(!?)([^}]*)\}", lambda found: "${" + found[2] + "}" if found[1] else PARAMETERS.get(found[2], found[2]), text)


class Loader(yaml.SafeLoader):
    """A YAML loader with CloudFormation's functions. Only `!Sub` has a value here."""


def function(loader, tag, node):
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    value = loader.construct_scalar(node)
    return substitute(value) if tag == "Sub" else value


Loader.add_multi_constructor("!", function)


def compares(operator, wanted, value):
    """Whether one value of a policy matches. The operator is not a negated one."""
    if operator == "StringEquals":
        return value == wanted
    if operator == "StringLike":
        return fnmatchcase(value, wanted)
    left, right = (datetime.fromisoformat(it.replace("Z", "+00:00")) for it in (value, wanted))
    return {"DateLessThan": left < right, "DateGreaterThanEquals": left >= right}[operator]


def condition_holds(operator, key, wanted, context):
    value = context.get(key)
    if operator == "Null":
        return [str(value is None).lower()] == listed(wanted)
    plain = operator.removesuffix("IfExists")
    negated = "Not" in plain
    if value is None:
        # An absent key makes `...IfExists` and a negated operator true, every other operator false.
        return plain != operator or negated
    matches = any(compares(plain.replace("Not", ""), it, value) for it in listed(wanted))
    return matches != negated


def covers_resource(pattern, resource, context):
    """Whether a pattern with variables covers a resource. A variable without a value matches nothing."""
    pattern = re.sub(r"\$\{([^}]*)\}", lambda found: context.get(found[1], "\0"), pattern)
    return fnmatchcase(resource, pattern)


def applies(statement, action, resource, context):
    conditions = statement.get("Condition", {}).items()
    return (
        any(fnmatchcase(action, it) for it in listed(statement["Action"]))
        and any(covers_resource(it, resource, context) for it in listed(statement["Resource"]))
        and all(condition_holds(operator, key, wanted, context) for operator, keys in conditions for key, wanted in keys.items())
    )


def allows(policies, action, resource, context):
    """Returns whether an action is allowed. A `Deny` wins, and an action without an `Allow` is denied."""
    statements = [statement for policy in policies for statement in listed(policy["Statement"])]
    effects = {statement["Effect"] for statement in statements if applies(statement, action, resource, context)}
    return effects == {"Allow"}


def may_pull(policies, repository, now, issued="2027-01-31T13:00:00Z", **tags):
    """Whether a session with these tags gets a password and an image's manifest."""
    context = {f"aws:PrincipalTag/{name}": value for name, value in tags.items()}
    context |= {"aws:CurrentTime": now, "aws:TokenIssueTime": issued}
    resource = f"arn:aws:ecr:eu-west-1:111122223333:repository/{repository}"
    password = allows(policies, "ecr:GetAuthorizationToken", "*", context)
    return password and allows(policies, "ecr:BatchGetImage", resource, context)


def json_policies(page):
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)]


def main():
    template = yaml.load((DOCS / "template.yml").read_text(), Loader)
    policies = [policy["PolicyDocument"] for policy in template["Resources"]["PullRole"]["Properties"]["Policies"]]
    app = "customers/acme/app"
    now, early = "2027-02-01T00:00:00Z", "2027-01-31T11:00:00Z"
    stops = json_policies("ending-access.md")
    ends = [statement for policy in json_policies("end-dates.md") for statement in policy["Statement"]]
    cases = {
        "a user without an end date pulls": may_pull(policies, app, now, customer="acme"),
        "a current user pulls": may_pull(policies, app, "2027-12-31T23:59:59Z", customer="acme", until="2027-12"),
        "shared images too": may_pull(policies, "customers/shared/app", now, customer="acme"),
        "an ended user doesn't": not may_pull(policies, app, "2028-01-01T00:00:00Z", customer="acme", until="2027-12"),
        "nor one whose month is not listed": not may_pull(policies, app, now, customer="acme", until="2099-01"),
        "nor one whose month is empty": not may_pull(policies, app, now, customer="acme", until=""),
        "another customer's images are out of reach": not may_pull(policies, "customers/other/app", now, customer="acme"),
        "without a customer, no images but the shared ones": not may_pull(policies, app, now),
        "the page's statement stands in the template": all(it in policies[1]["Statement"] for it in ends) and ends,
        "a user's newer session goes on": all(may_pull([*policies, it], app, now, customer="acme", user="zoe@example.com") for it in stops),
        "other customers go on": all(may_pull([*policies, it], "customers/b/app", now, early, customer="b", user="b@b.example") for it in stops),
        "and so do others of the same customer": all(may_pull([*policies, it], app, now, early, customer="acme", user="bob@example.com") for it in stops),
        "an older session is refused": stops
        and all(not may_pull([*policies, it], app, now, early, customer="acme", user="zoe@example.com") for it in stops),
    }
    sys.exit("\n".join(f"not so: {name}" for name, holds in cases.items() if not holds) or None)


main()
