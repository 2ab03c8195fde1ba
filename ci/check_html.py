"""Opens pages in headless Chromium, and says what is wrong with them.

    check_html.py [--shots DIR] [--within SECONDS] PAGE [TEXT ...]

Of each page, in both colour schemes, 1280 and 390 pixels wide: it says nothing on the console,
asks for nothing, is not wider than the window also when all of it is unfolded, its plots are well
formed, every table can be copied, and it has these texts. Chromium is spoken to over a pipe:
nothing but Python is needed.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import base64
import time

WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
]

# Evaluated in the page. Each gives a list of complaints.
CHECKS = {
    # A phone zooms out of what is too wide, and then calls the window so wide.
    "overflow": """((width) => {
        const root = document.scrollingElement, over = Math.max(root.scrollWidth, innerWidth) - width;
        if (over <= 0) return [];
        const wide = [...document.querySelectorAll('body *')].filter(
            (it) => it.getBoundingClientRect().right > width + 0.5 && !it.closest('.scroll, pre, svg'));
        return [`wider than ${width} by ${over}: ` + wide.slice(0, 5).map(
            (it) => it.tagName + '.' + (it.getAttribute('class') || '')).join(' ')];
    })(WIDTH)""",
    "plots": """[...document.querySelectorAll('svg')].flatMap((it) => {
        const name = it.querySelector('title')?.textContent ?? 'untitled';
        const xml = new XMLSerializer().serializeToString(it);
        const found = new DOMParser().parseFromString(xml, 'image/svg+xml').querySelector('parsererror');
        const out = found ? [`${name}: not well formed`] : [];
        if (!it.querySelector('title')?.textContent) out.push('a plot without a title');
        if (!it.querySelector('desc')?.textContent) out.push(`${name}: no description`);
        if (/NaN|Infinity/.test(it.outerHTML)) out.push(`${name}: a place that is no number`);
        const box = it.getBoundingClientRect();
        if (!box.width) return out;
        for (const text of it.querySelectorAll('text')) {
            const at = text.getBoundingClientRect();
            if (at.width && (at.right > box.right + 1.5 || at.left < box.left - 1.5 || at.bottom > box.bottom + 1.5))
                out.push(`${name}: '${text.textContent}' is outside of it`);
        }
        return out;
    })""",
    "copies": """(() => {
        const out = [];
        for (const table of document.querySelectorAll('table.plain')) {
            if (!table.caption) continue;
            const button = table.querySelector('button.copy');
            if (!button) { out.push(table.caption.textContent + ': cannot be copied'); continue; }
            let text = null;
            const clipboard = { writeText: (it) => { text = it; return Promise.resolve(); } };
            Object.defineProperty(navigator, 'clipboard', { value: clipboard, configurable: true });
            button.click();
            const lines = (text ?? '').replace(/\\n$/, '').split('\\n');
            const columns = table.rows[0].cells.length;
            if (lines.length !== table.rows.length || lines.some((it) => it.split('\\t').length !== columns))
                out.push(table.caption.textContent + ': the copy is not the table');
        }
        return out;
    })()""",
}


class Browser:
    """Chromium, spoken to over file descriptors 3 and 4."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="snowgauge-chromium-")
        to_read, self.to = os.pipe()
        self.of, from_write = os.pipe()
        # Out of the way of 3 and 4, which they are put on in the child.
        ends = [os.dup(os.dup(os.dup(it))) for it in (to_read, from_write)]
        high = [fd if fd > 10 else os.dup2(fd, 20 + at) for at, fd in enumerate(ends)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
            preexec_fn=place, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for fd in (to_read, from_write, *high):
            try:
                os.close(fd)
            except OSError:
                pass
        self.number, self.rest, self.events = 0, b"", []

    def read(self):
        while b"\0" not in self.rest:
            part = os.read(self.of, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self.rest += part
        line, self.rest = self.rest.split(b"\0", 1)
        return json.loads(line)

    def ask(self, method, session=None, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            found = self.read()
            if found.get("id") == self.number:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return found["result"]
            self.events.append(found)

    def wait(self, method):
        """Until this has happened since the events were last cleared."""
        while not any(it.get("method") == method for it in self.events):
            self.events.append(self.read())

    def close(self):
        try:
            self.ask("Browser.close")
        except (RuntimeError, OSError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def complaints_of(browser, url):
    """What the browser told of a page since it was asked for."""
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent" and params["request"]["url"].split("#")[0] != url:
            yield f"asked for {params['request']['url']}"
        if method == "Runtime.consoleAPICalled":
            yield f"console: {params['type']}: {params['args']}"
        if method == "Runtime.exceptionThrown":
            yield f"exception: {params['exceptionDetails']}"
        if method == "Log.entryAdded":
            yield f"log: {params['entry']['level']}: {params['entry']['text']}"


def check(browser, page, texts, args):
    """Complaints on a page in one window."""
    url = page.resolve().as_uri()
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(method, **params):
        return browser.ask(method, session, **params)

    def evaluate(expression):
        found = ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression[:60]}: {found['exceptionDetails']}")
        return found["result"].get("value")

    for domain in ("Page", "Network", "Runtime", "Log"):
        ask(f"{domain}.enable")
    for width in WIDTHS:
        for scheme in SCHEMES:
            where = f"{page.name} at {width}, {scheme}"
            ask("Emulation.setDeviceMetricsOverride", width=width, height=900,
                deviceScaleFactor=1, mobile=width < 500)
            ask("Emulation.setEmulatedMedia",
                features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.events.clear()
            began = time.monotonic()
            ask("Page.navigate", url=url)
            browser.wait("Page.loadEventFired")
            # Also drawn once.
            evaluate("document.body.offsetHeight")
            took = time.monotonic() - began
            print(f"{where}: opened in {took:.2f} s")
            if args.within and took > args.within:
                yield f"{where}: took {took:.2f} s to open"
            if args.shots:
                shot(ask, evaluate, args.shots / f"{page.stem}-{width}-{scheme}.png", width)
            text = evaluate("document.documentElement.textContent")
            for wanted in texts:
                if wanted not in text:
                    yield f"{where}: does not say {wanted!r}"
            for it in evaluate(CHECKS["overflow"].replace("WIDTH", str(width))):
                yield f"{where}: {it}"
            if not args.within:
                evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })")
                for name, expression in CHECKS.items():
                    for it in evaluate(expression.replace("WIDTH", str(width))):
                        yield f"{where}, unfolded: {name}: {it}"
                if args.shots:
                    shot(ask, evaluate, args.shots / f"{page.stem}-{width}-{scheme}-all.png", width)
            for it in complaints_of(browser, url):
                yield f"{where}: {it}"
    browser.ask("Target.closeTarget", targetId=target)


def shot(ask, evaluate, path, width):
    """The whole page, as far as a picture may be long."""
    height = min(evaluate("document.documentElement.scrollHeight"), 16000)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    found = ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(found["data"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--within", type=float, help="seconds that the page may take to open")
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("text", nargs="*")
    args = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        sys.exit("there is no chromium: apt-get install -y chromium")
    browser = Browser(program)
    try:
        complaints = list(check(browser, args.page, args.text, args))
    finally:
        browser.close()
    for it in complaints:
        print(it, file=sys.stderr)
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
