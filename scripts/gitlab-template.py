"""Prints a GitLab CI file as JSON: gitlab-template.py FILE [INPUT=VALUE…]

Inputs of a template (`spec: inputs:` before `---`) are inserted like in GitLab: as text, before the YAML is parsed. An input that is not given has
its default. A `!reference` becomes a list. Anything that GitLab would refuse is an error: an unknown input, a missing value, a value that does not
match the input's `regex`.
"""

import json
import re
import sys

import yaml


class Loader(yaml.SafeLoader):
    """A YAML loader that supports GitLab's `!reference`."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


def text_of(name, spec, given):
    """Returns the text that replaces an input."""
    value = given.get(name, spec.get("default"))
    if value is None:
        sys.exit(f"error: input {name}: it has no value")
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    if "regex" in spec and not re.search(spec["regex"], text):
        sys.exit(f"error: input {name}: {text!r} is not {spec['regex']}")
    return text


def render(text, given):
    """Returns the pipeline of a file as plain data."""
    header, separator, body = text.partition("\n---\n")
    if not separator:
        return yaml.load(text, Loader)
    inputs = yaml.load(header, Loader)["spec"]["inputs"]
    for name in given.keys() - inputs.keys():
        sys.exit(f"error: input {name}: the template has none of that name")
    used = set(re.findall(r"\$\[\[ inputs\.([\w-]+) \]\]", body))
    for name in used ^ inputs.keys():
        sys.exit(f"error: input {name}: declared or used, but not both")
    for name, spec in inputs.items():
        body = body.replace(f"$[[ inputs.{name} ]]", text_of(name, spec, given))
    return yaml.load(body, Loader)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        pipeline = render(file.read(), dict(argument.split("=", 1) for argument in sys.argv[2:]))
    json.dump(pipeline, sys.stdout, indent=2)
