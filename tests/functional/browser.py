# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium, headless, by the WebDriver protocol (w3.org/TR/webdriver2)."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from lab import registry


class Browser:
    """A context manager: leaving stops the driver by its pid, and the browser with it."""

    def __init__(self, folder, dark=False, width=1280, scripts=True):
        if not shutil.which("chromium") or not shutil.which("chromedriver"):
            pytest.skip("there is no Chromium here")
        self.folder, self.dark, self.width, self.scripts = folder, dark, width, scripts

    def __enter__(self):
        port = registry.free_port()
        self.log = open(self.folder / "chromedriver.log", "w")
        command = ["chromedriver", f"--port={port}"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={self.width},1000"]
        arguments += [f"--user-data-dir={self.folder}/profile", "--disable-dev-shm-usage", "--no-first-run"]
        if self.dark:
            arguments.append("--blink-settings=preferredColorScheme=0")
        preferences = {} if self.scripts else {"profile.managed_default_content_settings.javascript": 2}
        options = {"binary": shutil.which("chromium"), "args": arguments, "prefs": preferences}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        for _ in range(100):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                if self.call("GET", "/status")["ready"]:
                    break
            time.sleep(0.1)
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.url += "/session/" + made["sessionId"]
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.call("DELETE", "")
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def call(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None

    def open(self, page):
        self.call("POST", "/url", {"url": f"file://{page}"})

    def run(self, script, *arguments):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def pdf(self):
        return base64.b64decode(self.call("POST", "/print", {"background": True}))

    def messages(self):
        """What the console says: refusals of the Content-Security-Policy among it."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]
