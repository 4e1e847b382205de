"""Tests that the checkers of the pages find errors: run python -m unittest in this folder."""

import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aws_lines
import blocks
import build_site
import links
import names
import pages

# A file of each kind that its linter refuses.
WRONG = {
    "ecr-auth.yml": "registries:\n  - match: public.ecr.aws\n    rolearn: ci\n",
    "kubernetes": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\nsecret: []\n",
    "github": "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@main\n",
    "gitlab-ci": "push:\n  script: [a]\n  image: [a]\n",
    "azure-pipelines": "steps:\n  - task: AWSShellScript@1\n    inputs: {script: a}\n",
    "circle-ci": "version: 2.1\njobs:\n  a:\n    steps: a\n",
    "buildkite": "steps:\n  - commands: {a: b}\n",
    "woodpecker-ci": "steps:\n  a:\n    commands: {a: b}\n",
    "drone-ci": "kind: pipeline\ntype: docker\nsteps: a\n",
    "bitbucket-pipelines": "pipelines:\n  default:\n    - steps: a\n",
    "policy": '{"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Principal": "*", "Action": "sts:AssumeRole"}]}',
    "docker": '{"credHelpers": }',
    "dockerd": '{"registry-mirrors": }',
    "dependabot": "version: 2\nupdates:\n  - directory: /\n",
    "bash": "cp $a b\n",
    "dockerfile": "RUN cd /tmp\nCOPIE a b\n",
    "ini": "[a\n",
    "toml": "a = \n",
}


def block_of(text, language=""):
    """Creates a block of a page."""
    return pages.Block(blocks.ROOT / "docs" / "ci.md", 1, "", language, text)


class Blocks(unittest.TestCase):
    def test_every_linter_refuses_something(self):
        self.assertEqual({kind for kind, (_, lint) in blocks.LINTERS.items() if lint}, WRONG.keys())
        with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as linters:
            said = linters.map(lambda kind: blocks.checked(Path(folder, kind), kind, [block_of(WRONG[kind])]), WRONG)
            for kind, found in zip(WRONG, said):
                with self.subTest(kind=kind):
                    self.assertTrue(found)

    def test_kinds_are_told_apart(self):
        for kind, text in WRONG.items():
            if kind in ("policy", "bash", "dockerfile", "ini", "toml", "docker", "dockerd"):
                continue
            with self.subTest(kind=kind):
                self.assertEqual(blocks.kind_of_yaml(text), kind)
        self.assertIsNone(blocks.kind_of_yaml("something: else"))

    def test_what_nobody_checks_is_refused(self):
        for language, text in {"": "a", "perl": "a", "yaml": "something: else", "json": "[]", "groovy": "node {}", "text": "ecr-auth setup public"}.items():
            with self.subTest(language=language), self.assertRaises(ValueError):
                blocks.kind(block_of(text, language))

    def test_files_and_targets_that_are_gone_are_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "a.sh")
            script.write_text("make check\nscripts/check.sh\n")
            self.assertEqual(blocks.missing(script), "")
            script.write_text("make chekc\nscripts/chekc.sh\n")
            self.assertIn("scripts/chekc.sh, make chekc", blocks.missing(script))


class AwsLines(unittest.TestCase):
    def test_what_the_cli_does_not_know_is_noticed(self):
        self.assertEqual(list(aws_lines.wrong("aws iam create-role --role-name a \\\n  --assume-role-policy-document file://trust.json\n")), [])
        for line in ("aws iam create-rolee --role-name a", "cat a | aws iam create-role --rolename a", "aws iam get-role --role-name a --no-such-flag"):
            with self.subTest(line=line):
                self.assertEqual(len(list(aws_lines.wrong(line))), 1)


class Links(unittest.TestCase):
    def test_dead_ones_are_noticed(self):
        page = links.ROOT / "docs" / "github.md"
        for target in ("gitlab.md", "gitlab.md#recipes", "#switching", "../action.yml", "https://github.com/org/ecr-auth"):
            self.assertIsNone(links.wrong(page, target), target)
        for target in ("gitlap.md", "gitlab.md#recipies", "#switch", "../../etc/passwd", "http://github.com", "https://example.invalid", "ftp:a"):
            self.assertIsNotNone(links.wrong(page, target), target)

    def test_anchors_are_github_s(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "page.md")
            page.write_text('# A `b`: c & d\n\n## A\n\n## A\n\n<a id="ea0012"></a>\n\n    # no heading\n')
            self.assertEqual(pages.anchors(page), {"a-b-c--d", "a", "a-1", "ea0012"})
            self.assertEqual([block.language for block in pages.blocks(page)], [""])


class Names(unittest.TestCase):
    def test_the_code_has_what_the_lists_are_made_of(self):
        self.assertLess({"GitHub", "GitLab", "Jenkins", "Drone"}, set(names.ci_systems()))
        self.assertEqual(set(names.ci_systems()) - set(names.ci_systems("issuer")), {"Drone", "Woodpecker"})
        self.assertEqual(names.clients(), ["docker", "podman", "helm"])
        self.assertLess({".dkr.ecr.", ".dkr-ecr-fips."}, set(names.forms()))

    def test_what_is_gone_is_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder, "page.md")
            page.write_text("\n## Recipes\n`src/main.rs` `src/mian.rs` `table_of_partitions` `table_of_partition` `crates/ci/src/NAME.rs`\n")
            self.assertEqual([line.split()[-1] for line in names.recipes(page)], ["src/mian.rs", "table_of_partition"])
            file = "crates/private-files/src/replace.rs"
            page.write_text(f"{file}: replace < with > in write\n{file}: replace * with + in write\n{file}: replace write -> () with ()\n{file}x: delete !\n")
            self.assertEqual([line.split(": ", 1)[1].split(":")[0] for line in names.mutants(page)], [f"{file} has no such code", f"there is no {file}x"])
            page.write_text(f"{file}: replace gone -> () with ()\n{file}: replace match guard left with true in write\n")
            self.assertEqual(len(list(names.mutants(page))), 2)


class Site(unittest.TestCase):
    def test_links_lead_to_pages_or_to_the_repository(self):
        names = build_site.pages()
        for page, target, expected in (
            ("README.md", "docs/cache.md#what-is-in-the-key", "cache.md#what-is-in-the-key"),
            ("docs/cache.md", "README.md", "index.md"),
            ("docs/cache.md", "troubleshooting.md#ea0001", "#ea0001"),
            ("docs/cache.md", "#what-is-in-the-key", "#what-is-in-the-key"),
            ("docs/migration/amazon-ecr-login.md", "../github.md", "../github.md"),
            ("docs/github.md", "../action.yml", f"{build_site.REPOSITORY}/blob/main/action.yml"),
            ("docs/github.md", "../jenkins", f"{build_site.REPOSITORY}/tree/main/jenkins"),
            ("docs/github.md", "gone.md", "gone.md"),
            ("docs/github.md", "https://github.com/org", "https://github.com/org"),
        ):
            self.assertEqual(build_site.target(target, page, names), expected)

    def test_every_page_is_in_the_navigation(self):
        names = build_site.pages()
        navigation = build_site.navigation(names)
        for name in set(names.values()) - {"index.md"}:
            self.assertIn(f"<{name.removesuffix('.md')}>", navigation)


if __name__ == "__main__":
    unittest.main()
