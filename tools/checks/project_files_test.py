#!/usr/bin/env python3
"""The workflows of .github and the hooks of pre-commit run what this repository has."""

import pathlib
import re
import unittest

import yaml

WORKFLOWS = {path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
             for path in sorted(pathlib.Path(".github/workflows").glob("*.yml"))}
HOOKS = [hook for repository in yaml.safe_load(pathlib.Path(".pre-commit-config.yaml").read_text("utf-8"))["repos"]
         for hook in repository["hooks"]]
CI_RUN = pathlib.Path(".ci/run").read_text(encoding="utf-8")
BAZELRC = pathlib.Path(".bazelrc").read_text(encoding="utf-8")


def steps():
    for name, workflow in WORKFLOWS.items():
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                yield f"{name}: {step.get('name', step.get('uses'))}", job, step


class ProjectFilesTest(unittest.TestCase):

    def test_workflows_have_what_github_asks_for(self):
        self.assertEqual(sorted(WORKFLOWS), ["nightly.yml", "test.yml"])
        for name, workflow in WORKFLOWS.items():
            with self.subTest(name):
                # YAML 1.1 reads the key `on` as true.
                self.assertEqual(set(workflow) - {"concurrency"}, {"name", True, "permissions", "jobs"})
                self.assertEqual(workflow["permissions"], {"contents": "read"})
                for job in workflow["jobs"].values():
                    self.assertRegex(job["runs-on"], r"^ubuntu-\d\d\.04$")
                    self.assertGreater(job["timeout-minutes"], 0)
        for name, _, step in steps():
            with self.subTest(name):
                self.assertEqual(len({"uses", "run"} & set(step)), 1)
                self.assertRegex(step.get("uses", "actions/checkout@v4"), r"^actions/[a-z-]+@v\d+$")

    def test_workflows_run_programs_and_configurations_that_exist(self):
        for name, job, step in steps():
            with self.subTest(name):
                commands = step.get("run", "")
                for program in re.findall(r"(?:^|\s)(?:\./)?((?:tools|\.ci)/[\w./]+)", commands):
                    self.assertTrue(pathlib.Path(program).is_file(), program)
                configurations = re.findall(r"--config=([a-z]+)", commands)
                if "matrix.config" in commands:
                    configurations += job["strategy"]["matrix"]["config"]
                for configuration in configurations:
                    self.assertRegex(BAZELRC, rf"(?m)^(build|test):{configuration}\b")

    def test_the_readmes_test_command_is_run(self):
        command = "./tools/bazel test //..."
        self.assertIn(command, pathlib.Path("README.md").read_text(encoding="utf-8"))
        self.assertTrue(any(step.get("run", "").startswith(command) for _, _, step in steps()))

    def test_hooks_and_the_job_for_checks_are_the_checks_of_ci_run(self):
        in_ci = set(re.findall(r"^step .* (tools/checks/check_\w+\.(?:py|sh))$", CI_RUN, re.M))
        self.assertIn("tools/checks/check_format.sh", in_ci)
        self.assertEqual({hook["entry"] for hook in HOOKS}, in_ci)
        in_job = {step["run"] for step in WORKFLOWS["test.yml"]["jobs"]["checks"]["steps"]
                  if step.get("run", "").startswith("tools/checks/")}
        # It needs a build before it.
        self.assertEqual(in_job, in_ci - {"tools/checks/check_thread_safety.py"})

    def test_forms_are_forms(self):
        for path in sorted(pathlib.Path(".github/ISSUE_TEMPLATE").glob("*.yml")):
            form = yaml.safe_load(path.read_text(encoding="utf-8"))
            if path.name == "config.yml":
                self.assertEqual(set(form), {"blank_issues_enabled"})
                continue
            with self.subTest(path.name):
                self.assertLessEqual({"name", "description", "body"}, set(form))
                fields = [field for field in form["body"] if field["type"] != "markdown"]
                self.assertEqual(len({field["id"] for field in fields}), len(fields))
                for field in fields:
                    self.assertIn(field["type"], ("input", "textarea"))
                    self.assertIn("label", field["attributes"])


if __name__ == "__main__":
    unittest.main()
