"""As much of WebDriver as a test of one page needs, spoken to chromedriver over HTTP."""
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


class Browser:
    """Chromium without a window. Everything it writes is in a folder that goes with it."""

    def __init__(self, dark=False, width=1280, height=900, phone=False):
        self.folder = tempfile.mkdtemp()
        env = dict(os.environ, HOME=self.folder, XDG_CONFIG_HOME=self.folder, XDG_CACHE_HOME=self.folder)
        self.log = open(os.path.join(self.folder, "driver.log"), "w+")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self.log, stderr=self.log, env=env, start_new_session=True)
        self.base = f"http://127.0.0.1:{self.find_port()}"
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--no-first-run", f"--user-data-dir={self.folder}/profile", f"--window-size={width},{height}"]
        caps = {"goog:chromeOptions": {"args": args, "binary": shutil.which("chromium")}, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": caps}})["sessionId"]
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.devtools("Emulation.setEmulatedMedia", features=features)
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)

    def find_port(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = re.search(r"started successfully on port (\d+)", open(self.log.name).read())
            if found:
                return int(found.group(1))
            time.sleep(0.05)
        raise SystemExit("FAILED: chromedriver does not start")

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"FAILED: the browser answers {error.read().decode()[:500]}") from None

    def devtools(self, name, **params):
        return self.ask("POST", f"/session/{self.session}/goog/cdp/execute", {"cmd": name, "params": params})

    def open(self, url):
        self.ask("POST", f"/session/{self.session}/url", {"url": url})

    def run(self, script, *args):
        """What the script returns; DOM elements come as references."""
        return self.ask("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": list(args)})

    def wait(self, condition, seconds=20):
        """True once the expression is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.run(f"return Boolean({condition})"):
                return True
            time.sleep(0.1)
        return False

    def console(self):
        return self.ask("POST", f"/session/{self.session}/se/log", {"type": "browser"})

    def picture(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("GET", f"/session/{self.session}/screenshot")))

    def close(self):
        try:
            self.ask("DELETE", f"/session/{self.session}")
        finally:
            os.killpg(self.driver.pid, signal.SIGKILL)      # its own group: the browser's processes are in it
            self.driver.wait()
            self.log.close()
            shutil.rmtree(self.folder, ignore_errors=True)
