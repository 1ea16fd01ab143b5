# SPDX-License-Identifier: Apache-2.0
"""The review page: what it says, and that nothing in an image can make it do anything."""

import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess

import pytest
from browser import Browser
from lab import images
from review_images import Gallery, entry, layer

ATTACKS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "'><b style=position:fixed>",
    "</script><script>window.hit=1</script>",
    "javascript:window.hit=1",
    "--><!--",
    "\x1b[31m\u202e\u0000",
    "{{7*7}}${7*7}",
]
BASE = layer(("etc/os-release", "ID=debian\nVERSION_ID=12\n"), ("usr/share/filler", "x" * 50000))


def status(*names):
    return "".join(f"Package: {n}\nStatus: install ok installed\nVersion: 3.0.{len(n)}\n\n" for n in names)


@pytest.fixture(scope="module")
def gallery():
    """Forty images, and one among them that a reviewer has to see."""
    made = Gallery()
    for number in range(40):
        own = layer(
            (f"app/{number}", "y" * 1000 * (number + 1)), ("var/lib/dpkg/status", status("openssl", f"p{number}"))
        )
        made.add(f"quay.io/lab/app{number:02}:1", BASE, own, config={"User": "1000"})
    made.add(
        "ghcr.io/other/bad:1",
        layer(entry("usr/bin/root-shell", "sh", 0o4755), ("var/lib/dpkg/status", status("xmrig"))),
        config={"Env": ["AWS_SECRET_ACCESS_KEY=AKIA123"], "User": "root"},
    )
    for number, attack in enumerate(ATTACKS):
        tar = layer(
            (
                f"opt/{attack.replace(chr(0), '')}/node_modules/x/package.json",
                json.dumps({"name": attack, "version": attack}),
            ),
            ("etc/os-release", f'ID="{attack}"\n'.replace("\0", "")),
        )
        made.add(
            f"quay.io/lab/attack{number}:1",
            tar,
            config={"User": attack, "Env": [f"{attack}=1"], "Labels": {attack: attack}, "Entrypoint": [attack]},
            history=[{"created_by": attack}],
        )
    return made


@pytest.fixture(scope="module")
def bundles(airlock, keys, gallery, tmp_path_factory):
    """may.tar without the bad image, june.tar with it and one image moved."""
    from conftest import TEST_REGISTRY
    from lab import fake

    folder = tmp_path_factory.mktemp("bundles")
    with fake.FakeRegistry(TEST_REGISTRY) as server:
        images.fill(server, gallery.store, gallery.made)
        mirrors = [f"--mirror={host}=http://{server.host}" for host in ("quay.io", "ghcr.io")]
        chosen = [f"--image={name}" for name in gallery.made if "attack" not in name]
        attacks = [f"--image={name}" for name in gallery.made if "attack" in name]
        sign = ["--key", keys / "alice.key"]
        without = [name for name in chosen if "bad" not in name]
        airlock(0, "export", *without, *mirrors, *sign, "--stream", "lab", "-o", folder / "may.tar")
        moved = {"quay.io/lab/app07:1": gallery.made["quay.io/lab/app08:1"]}
        images.fill(server, gallery.store, moved)
        airlock(0, "export", *chosen, *attacks, *mirrors, *sign, "--stream", "lab", "-o", folder / "june.tar")
    return folder


@pytest.fixture(scope="module")
def page(airlock, keys, bundles):
    path = bundles / "review.html"
    june = ["report", bundles / "june.tar", "--key", keys / "alice.pub", "--since", bundles / "may.tar"]
    said = airlock(0, *june, "-o", path)
    assert "verified" in said.out and hashlib.sha256(path.read_bytes()).hexdigest() in said.out
    return path


def section(text, name):
    return text[text.index(f'<section id="{name}"') :].split("</section>", 1)[0]


def test_the_one_bad_image_among_forty_stands_out(page):
    text = page.read_text()
    hints = section(text, "hints")
    grave = hints[: hints.index('<span class="hint">')]
    for what in ("looks like a secret", "new source registry", "moved tag"):
        assert what in grave, what
    assert "ghcr.io/other/bad:1" in grave and "quay.io/lab/app07:1" in grave and "AWS_SECRET_ACCESS_KEY" in grave
    assert "/usr/bin/root-shell" in hints and "AKIA123" not in text
    assert "added: <code>ghcr.io/other/bad:1</code>" in section(text, "changes")
    assert "xmrig" in section(text, "software")


def test_the_verdict_stands_first(airlock, keys, bundles, tmp_path):
    reports = {
        "verified": (0, ["--key", keys / "alice.pub"]),
        "not-verified": (0, []),
        "refused": (7, ["--key", keys / "mallory.pub"]),
    }
    for name, (status_, trust) in reports.items():
        path = tmp_path / f"{name}.html"
        airlock(status_, "report", bundles / "may.tar", *trust, "--no-software", "-o", path)
        text = path.read_text()
        verdict = text[text.index("<header>") : text.index("<nav")]
        words = {"verified": "Verified", "not-verified": "Not verified", "refused": "Refused"}[name]
        assert f"<strong>{words}</strong>" in verdict
    assert "alice" in (tmp_path / "verified.html").read_text()


def test_equal_inputs_give_equal_pages_and_none_is_overwritten(airlock, keys, bundles, page, tmp_path):
    june = ["report", bundles / "june.tar", "--key", keys / "alice.pub", "--since", bundles / "may.tar"]
    airlock(0, *june, "-o", tmp_path / "again.html", "--jobs", "1")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()
    assert "exists already" in airlock(5, *june, "-o", tmp_path / "again.html").err


class Outline(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.scripts, self.styles, self.at = set(), set(), [], [], None

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.at = tag

    def handle_data(self, data):
        if self.at == "script":
            self.scripts.append(data)
        if self.at == "style":
            self.styles.append(data)

    def handle_endtag(self, tag):
        self.at = None


def test_no_markup_comes_from_images(page):
    outline = Outline()
    text = page.read_text()
    outline.feed(text)
    assert not {"img", "iframe", "object", "embed", "link", "form", "base"} & outline.tags
    assert not {name for name in outline.attributes if name.startswith("on") or name in ("style", "src", "srcset")}
    assert len(outline.scripts) == 1 and len(outline.styles) == 1
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    for kind, content in (("script-src", outline.scripts[0]), ("style-src", outline.styles[0])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "\x1b" not in text and "\u202e" not in text and "window.hit=1</script>" not in text


# --- in a browser


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path) as running:
        yield running


SHOWN = """return [...document.querySelectorAll('#images-table tbody tr')].filter(row => !row.hidden)
    .map(row => row.cells[0].querySelector('summary').textContent)"""
TYPE = "const i = document.getElementById(arguments[0]); i.value = arguments[1]; i.dispatchEvent(new Event('input'));"
SETTLE = "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.mark.browser
def test_it_renders_sorts_filters_and_searches(browser, page):
    browser.open(page)
    assert browser.run("return document.querySelector('h1').textContent") == "Review of june.tar"
    assert len(browser.run(SHOWN)) == 41 + len(ATTACKS)
    browser.run("document.querySelectorAll('#images-table th button')[2].click()")
    sizes = browser.run(
        "return [...document.querySelectorAll('#images-table tbody tr')].map(r => Number(r.cells[2].dataset.value))"
    )
    assert sizes == sorted(sizes)
    browser.run(TYPE, "images-filter", "ghcr bad")
    browser.run(SETTLE)
    assert browser.run(SHOWN) == ["ghcr.io/other/bad:1"]
    assert browser.run("return document.getElementById('images-count').textContent") == f"1 of {41 + len(ATTACKS)}"
    browser.run(TYPE, "images-filter", "")
    browser.run("document.getElementById('images-flagged').click()")
    browser.run(SETTLE)
    assert set(browser.run(SHOWN)) >= {"ghcr.io/other/bad:1", "quay.io/lab/app07:1"}
    assert "quay.io/lab/app01:1" not in browser.run(SHOWN)
    browser.run(TYPE, "software-search", "openssl 3.0")
    browser.run(SETTLE)
    found = browser.run("return document.getElementById('software-found').tBodies[0].textContent")
    assert "openssl" in found and "quay.io/lab/app39:1" in found and "xmrig" not in found


@pytest.mark.browser
def test_it_asks_nobody_and_runs_nothing_of_an_image(browser, page):
    browser.open(page)
    browser.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    browser.run(TYPE, "software-search", "window")
    browser.run(SETTLE)
    assert browser.run("return window.hit === undefined")
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.messages() == []


@pytest.mark.browser
def test_it_prints(browser, page, tmp_path):
    browser.open(page)
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", pdf)) > 3


@pytest.mark.browser
def test_it_is_complete_without_scripts(page, tmp_path):
    with Browser(tmp_path, scripts=False) as running:
        running.open(page)
        source = running.call("GET", "/source")
        assert 'class="js"' not in source and "ghcr.io/other/bad:1" in source and "xmrig" in source


@pytest.mark.browser
@pytest.mark.parametrize("dark, width", [(False, 1280), (True, 1280), (False, 400)])
def test_axe_finds_no_violation(page, tmp_path, dark, width):
    if not shutil.which("npm"):
        pytest.skip("there is no npm here")
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", tmp_path, "axe-core@4.10.2"]
    if subprocess.run(install, capture_output=True).returncode != 0:
        pytest.skip("there is no axe-core here")
    axe = (tmp_path / "node_modules/axe-core/axe.min.js").read_text()
    with Browser(tmp_path, dark=dark, width=width) as running:
        running.open(page)
        running.run(axe)
        found = running.run("return axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes[0].html))")
        assert found == []


@pytest.mark.browser
def test_four_hundred_images_stay_fluent(airlock, keys, fake_registry, tmp_path):
    """Sizes and the work of a filter, not the clock of a busy machine: under 5 MB, and one pass over the rows."""
    made = Gallery()
    for number in range(400):
        own = layer(("var/lib/dpkg/status", status(*[f"lib{number % 7}-{n}" for n in range(150)])))
        made.add(f"quay.io/lab/app{number:03}:1", BASE, own)
    server = fake_registry()
    images.fill(server, made.store, made.made)
    (tmp_path / "list").write_text("\n".join(made.made))
    chosen = ["--images-file", tmp_path / "list", "--mirror", f"quay.io=http://{server.host}"]
    airlock(0, "export", *chosen, "--key", keys / "alice.key", "-o", tmp_path / "b.tar")
    airlock(0, "report", tmp_path / "b.tar", "--key", keys / "alice.pub", "-o", tmp_path / "r.html")
    assert (tmp_path / "r.html").stat().st_size < 5_000_000
    with Browser(tmp_path) as running:
        running.open(tmp_path / "r.html")
        took = running.run(
            "const i = document.getElementById('images-filter'); i.value = 'app12'; const t = performance.now();"
            "i.dispatchEvent(new Event('input'));"
            "return new Promise(d => requestAnimationFrame(() => d(performance.now() - t)))"
        )
        assert len(running.run(SHOWN)) == 10 and took < 5000
        print(f"filter over 400 images: {took:.0f} ms")
