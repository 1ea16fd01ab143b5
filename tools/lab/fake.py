# SPDX-License-Identifier: Apache-2.0
"""The project's own test registry (tests/test_registry): misbehaves on demand and remembers what it was asked."""

import http.client
import json
import subprocess


class FakeRegistry:
    def __init__(self, program, *arguments):
        self.command = [str(program), *map(str, arguments)]
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.host = f"127.0.0.1:{int(self.process.stdout.readline())}"
        self.url = f"http://{self.host}"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()  # it ends when its input does, and its answers that are still delayed
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def connect(self):
        return http.client.HTTPConnection(self.host, timeout=30)

    def control(self, name, value=None):
        connection = self.connect()
        connection.request("PUT", f"/_control/{name}", json.dumps(value))
        body = connection.getresponse().read()
        connection.close()
        return json.loads(body)

    def rules(self, *rules):
        self.control("rules", list(rules))

    def requests(self, method="", path=""):
        return [r for r in self.control("log") if r["method"].startswith(method) and path in r["path"]]

    def forget(self):
        self.control("forget")
