"""page.py EARMARK SOURCE [FOLDER] - Chromium looks at the page: it draws, moves, lists events, finds classes, comes back by itself, fits a
phone, follows light and dark, and breaks no rule of its own. With FOLDER pictures are left there."""
import os
import shutil
import sys
import time

from program import Program, check, finish, skip
from webdriver import Browser

EARMARK, SOURCE = sys.argv[1:3]
FOLDER = sys.argv[3] if len(sys.argv) > 3 else None
NAMES = ["one.flac", "two.flac", "three.flac"]


def thrice(folder):
    """The demo clip, three times after each other: a test takes longer than one."""
    for name in NAMES:
        os.symlink(f"{SOURCE}/config/demo/demo.flac", os.path.join(folder, name))


DEMO = ["--realtime", *NAMES]

# Of every pixel of a canvas a sum that changes with it, and how many colours there are.
LOOK = """const c = document.querySelector(arguments[0]), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
const seen = new Set(); let sum = 0;
for (let i = 0; i < d.length; i += 4) { const v = d[i] << 16 | d[i + 1] << 8 | d[i + 2]; seen.add(v); sum = (sum * 31 + v + d[i + 3]) % 4294967291; }
return { sum, colors: seen.size };"""


def picture(b, name):
    if FOLDER:
        b.picture(os.path.join(FOLDER, name + ".png"))


def no_complaints(b, allowed=()):
    """No error in the console; the content security policy writes there, too."""
    for line in b.console():
        is_ours = "willReadFrequently" in line["message"]       # LOOK reads the canvases
        check(is_ours or any(word in line["message"] for word in allowed), "the console says", line)


def live(b, p):
    b.open(f"http://127.0.0.1:{p.port}/")
    check(b.wait("document.querySelectorAll('#lanes li').length >= 2"), "lanes appear")
    check(b.run("return document.getElementById('state').textContent") == "live", "it says that it is live")
    check(b.run(LOOK, "#picture")["colors"] > 20, "the spectrogram has colours")
    for canvas in ["#picture", "#strip", "#lanes canvas"]:
        before = b.run(LOOK, canvas)["sum"]
        time.sleep(1.5)
        check(b.run(LOOK, canvas)["sum"] != before, f"{canvas} moves")
    before = b.run("return document.getElementById('clock').textContent")
    check(b.wait(f"document.getElementById('clock').textContent !== '{before}'", 5), "the clock goes on")
    check(b.wait("[...document.querySelectorAll('#events .what')].some((e) => e.textContent === 'Bark')"), "the bark is listed")
    check("dBFS" in b.run("return document.getElementById('level-text').textContent"), "the level is told")
    check(float(b.run("return document.getElementById('level').getAttribute('aria-valuenow')")) < 0, "to everybody")


TYPE = "const s = document.getElementById('search'); s.value = arguments[0]; s.dispatchEvent(new Event('input', { bubbles: true }));"
SHOWN = "return [...document.querySelectorAll('#classes li:not([hidden]) .name')].map((e) => e.textContent)"


def search(b):
    check(len(b.run(SHOWN)) == 527, "all classes are there")
    b.run(TYPE, "dog")
    check(set(b.run(SHOWN)) == {"Dog", "Whimper (dog)", "Canidae, dogs, wolves"}, "dog finds", b.run(SHOWN))
    b.run(TYPE, "MUSIC sad")
    check(b.run(SHOWN) == ["Sad music"], "words in any order and case", b.run(SHOWN))
    b.run(TYPE, "<b>x</b>")
    check(b.run(SHOWN) == [] and b.run("return document.getElementById('n-classes').textContent") == "0 of 527", "nothing is found")
    b.run(TYPE, "Didgeridoo")
    b.run("document.querySelector('#classes li:not([hidden]) .name').click()")
    check(b.run("return document.querySelector('#lanes .name').textContent") == "Didgeridoo", "what is pressed becomes the first lane")
    check(b.run("return document.querySelector('#lanes .name').getAttribute('aria-pressed')") == "true", "and says so")
    b.run(TYPE, "")
    b.run("location.reload()")
    check(b.wait("document.querySelector('#lanes .name')?.textContent === 'Didgeridoo'"), "and stays over a reload")
    b.run("document.querySelector('#lanes .name').click()")
    check(b.wait("document.querySelector('#lanes .name')?.textContent !== 'Didgeridoo'"), "until it is let go")


# A name for everything that can be pressed or filled in, contrast of text with what is behind it, and no scrolling sideways.
FIT = """const bad = [];
const linear = (x) => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
const lum = (c) => {
  const v = c.match(/[\\d.]+/g).slice(0, 3).map((x) => linear(x / 255));
  return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c;
  }
  return 'rgb(255, 255, 255)'; };
for (const e of document.querySelectorAll('h1, h2, small, p, .name, .value, time, .what, .length, #level-text')) {
  if (!e.textContent.trim() || !e.getClientRects().length) continue;
  const a = lum(getComputedStyle(e).color), b = lum(behind(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) bad.push(`contrast ${ratio.toFixed(2)}: ${e.className || e.tagName} ${e.textContent.slice(0, 20)}`);
}
for (const e of document.querySelectorAll('button, input, select'))
  if (!(e.textContent.trim() || e.getAttribute('aria-label') || (e.labels && e.labels.length))) bad.push(`no name: ${e.outerHTML.slice(0, 60)}`);
if (document.documentElement.scrollWidth > innerWidth) bad.push(`${document.documentElement.scrollWidth} wide on ${innerWidth}`);
return [...new Set(bad)];"""


def looks(p):
    for name, how in {"desktop-light": {}, "desktop-dark": {"dark": True}, "phone-light": {"phone": True, "width": 360, "height": 1700},
                      "phone-dark": {"phone": True, "dark": True, "width": 390, "height": 1700}}.items():
        b = Browser(**how)
        b.open(f"http://127.0.0.1:{p.port}/")
        check(b.wait("document.querySelectorAll('#events li:not(.notice)').length"), f"{name}: events")
        time.sleep(1)
        for bad in b.run(FIT):
            check(False, f"{name}: {bad}")
        ground = b.run("return getComputedStyle(document.documentElement).backgroundColor")
        check((sum(map(int, ground[4:-1].split(","))) < 200) == bool(how.get("dark")), f"{name}: the ground is {ground}")
        picture(b, name)
        no_complaints(b)
        b.close()


def comes_back(b, p):
    """The program goes and another comes at the same place: the page finds it by itself."""
    check(p.end() == 0, "its end")
    check(b.wait("document.getElementById('state').dataset.state !== 'live'"), "the page says that it has lost it")
    again = Program(EARMARK, SOURCE, ["--ignore", "Dog", *DEMO], address=f"127.0.0.1:{p.port}", prepare=thrice)
    check(b.wait("document.getElementById('state').dataset.state === 'live'", 30), "it is live again")
    check(b.wait("document.querySelectorAll('#lanes li').length >= 1", 30), "with lanes")
    check(b.wait("document.getElementById('clock').textContent < '0:30'"), "of the new run")
    check(again.end() == 0, "its end")
    check(b.wait("document.getElementById('state').textContent === 'ended'"), "what is over is called so")


def hostile(source):
    """Names that are HTML stay text."""
    name = "<img src=x onerror=alert(1)>.flac"
    labels = "index,mid,display_name\n" + "".join(
        f'{i},/m/{i},"<script>alert({i})</script><b>&amp;"\n' for i in range(527))

    def prepare(folder):
        os.symlink(f"{source}/config/demo/demo.flac", os.path.join(folder, name))
        with open(os.path.join(folder, "labels.csv"), "w") as f:
            f.write(labels)
    p = Program(EARMARK, SOURCE, ["--realtime", "--labels", "labels.csv", name], prepare=prepare)
    b = Browser()
    b.open(f"http://127.0.0.1:{p.port}/")
    check(b.wait("document.querySelectorAll('#lanes li').length >= 1"), "lanes of odd names")
    check(b.run("return document.querySelector('#lanes .name').textContent").startswith("<script>alert("), "the label is text")
    check(b.run("return document.querySelectorAll('main img, main script, main b').length") == 0, "and no element")
    check(name in b.run("return document.title"), "the source's name is text", b.run("return document.title"))
    no_complaints(b)
    b.close()
    check(p.end() == 0, "its end")


def main():
    for tool in ["chromium", "chromedriver"]:
        if not shutil.which(tool):
            skip(f"{tool} is not here (Debian: chromium, chromium-driver)")
    p = Program(EARMARK, SOURCE, DEMO, prepare=thrice)
    b = Browser()
    live(b, p)
    search(b)
    no_complaints(b)
    looks(p)
    comes_back(b, p)
    no_complaints(b, allowed=["net::ERR_", "Failed to load resource"])
    b.close()
    hostile(SOURCE)
    finish()


main()
