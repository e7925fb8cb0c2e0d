"""A headless Chromium, spoken to over a pipe: its DevTools protocol, as far as a test of a page needs it.

Needs nothing but python3 and a Chromium. One page, one thread. Every wait ends after WATCHDOG seconds with an error.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

PROGRAMS = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"]
WATCHDOG = 120
ABSENT = (
    "no Chromium here, and this test looks at the report with one. ./tools/bazel test installs it; by hand, as root: "
    "apt-get install --no-install-recommends chromium-headless-shell"
)


def find():
    """The program's path; raises with the way out where there is none."""
    for program in PROGRAMS:
        path = shutil.which(program)
        if path:
            return path
    raise RuntimeError(ABSENT)


class Browser:
    """A running Chromium with one page, to be used in a `with`."""

    def __init__(self):
        self.events = []
        self._answers = {}
        self._last_id = 0
        self._buffer = b""
        self._profile = tempfile.TemporaryDirectory(prefix="chromium")
        to_browser, self._commands = os.pipe()
        self._messages, from_browser = os.pipe()

        def as_three_and_four():
            # Each is moved away first, lest one be overwritten before it is copied.
            reading, writing = os.dup(to_browser), os.dup(from_browser)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        # A sandbox of its own needs what a test's doesn't have, and the only page is ours.
        self._process = subprocess.Popen(
            [find(), "--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
             "--disable-dev-shm-usage", "--disable-background-networking", "--user-data-dir=" + self._profile.name,
             "about:blank"],
            close_fds=False, preexec_fn=as_three_and_four, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, HOME=self._profile.name))
        os.close(to_browser)
        os.close(from_browser)
        self._session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Network", "Log", "Accessibility"]:
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._profile.cleanup()

    def call(self, method, **parameters):
        """Calls a method of the protocol; its result, or an error."""
        self._last_id += 1
        wanted = self._last_id
        message = {"id": wanted, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        self._read_until(lambda: wanted in self._answers, method)
        answer = self._answers.pop(wanted)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def open(self, path):
        """Loads a file and waits until it is loaded; self.events then holds what happened meanwhile."""
        self.events = []
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        self._read_until(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events), path)

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def press(self, key, code):
        """Presses and releases a key, given by name and by its Windows code."""
        for kind in ["rawKeyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def look(self, width, height, dark=False, media=""):
        """Sets the size of the view, the paper that the reader likes, and the medium ("" is a screen)."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def _read_until(self, done, what):
        end = time.monotonic() + WATCHDOG
        while not done():
            ready, _, _ = select.select([self._messages], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise RuntimeError("Chromium gave no answer within %d s: %s" % (WATCHDOG, what))
            piece = os.read(self._messages, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium ended (status %s) before it answered: %s" % (self._process.poll(), what))
            self._buffer += piece
            *whole, self._buffer = self._buffer.split(b"\0")
            for text in whole:
                message = json.loads(text)
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self.events.append(message)
