"""The page of `nearmiss report --html` in a real browser, with data that tries to break out of it.

usage: report_page.py NEARMISS MAKE_EVENTS [--keep FOLDER]

--keep leaves the page, its pictures (light, dark, on a narrow screen) and the printed page in FOLDER.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

from devtools import Browser

HOSTILE = "</script><img src=x onerror=document.title='owned'>.ml"


def made_page(folder, nearmiss, make_events, *options, events="4000", days="9", report=()):
    log = os.path.join(folder, "events.jsonl")
    page = os.path.join(folder, "report.html")
    with open(log, "wb") as file:
        subprocess.run([make_events, "--events", events, "--days", days, *options], stdout=file,
                       check=True)
    subprocess.run([nearmiss, "report", "--since", "2026-11-25", "--html", page, *report, log],
                   check=True, stderr=subprocess.DEVNULL)
    return page


def luminance(colour):
    """Of "rgb(1, 2, 3)", as WCAG 2.2 defines it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
                        for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class ReportPage(unittest.TestCase):
    folder = nearmiss = make_events = None

    @classmethod
    def setUpClass(cls):
        cls.page = made_page(cls.folder, cls.nearmiss, cls.make_events, "--hostile",
                             report=("--top", "100"))
        cls.browser = Browser()
        cls.browser.media("light")
        cls.browser.open(cls.page)

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()

    def run_script(self, script):
        return self.browser.run(script)

    def rows(self):
        return self.run_script(
            "[...document.querySelectorAll('#attempts tbody tr')].map(row => "
            "[...row.children].map(cell => cell.textContent))")

    def search(self, text):
        self.run_script("(() => { const box = document.getElementById('search'); "
                        f"box.value = {json.dumps(text)}; "
                        "box.dispatchEvent(new Event('input')); })()")

    def test_runs_without_an_error(self):
        self.assertEqual(self.run_script("document.documentElement.dataset.ready"), "yes")
        self.assertEqual(self.browser.happened("Runtime.exceptionThrown"), [])
        self.assertEqual(self.browser.happened("Log.entryAdded"), [])

    def test_hostile_names_are_text(self):
        self.assertEqual(self.run_script("document.title"), "nearmiss report")
        self.assertEqual(self.browser.happened("Page.javascriptDialogOpening"), [])
        self.assertEqual(self.run_script("document.querySelectorAll('img, svg[onload]').length"), 0)
        self.assertEqual(self.run_script("document.scripts.length"), 2)
        text = self.run_script("document.querySelector('main').textContent")
        self.assertIn(HOSTILE, text)
        self.assertIn("\\u{2028}", text)
        self.assertIn("\\u{1b}]0;owned\\u{7}", text)
        self.assertNotIn("\u2028", text)

    def test_asks_for_nothing(self):
        urls = [event["request"]["url"] for event in self.browser.happened("Network.requestWillBeSent")]
        self.assertEqual([url for url in urls if not url.startswith("file://")], [])

    def test_its_policy_stops_what_gets_in_all_the_same(self):
        """Were there a hole, the policy of the page would still run no script and load nothing."""
        self.run_script(
            "(() => { const script = document.createElement('script'); "
            "script.textContent = 'window.owned = 1'; document.body.append(script); "
            "const image = document.createElement('img'); image.src = 'data:image/png;base64,AA=='; "
            "image.setAttribute('onerror', 'window.owned = 2'); document.body.append(image); })()")
        self.assertIsNone(self.run_script("new Promise(done => setTimeout(() => "
                                          "done(window.owned ?? null), 200))"))
        self.run_script("document.body.lastChild.remove(), document.body.lastChild.remove()")
        self.browser.events.clear()

    def attempts(self):
        """How many attempts match, as the page says."""
        text = self.run_script("document.getElementById('matches').textContent")
        return int(text.split()[0].replace(",", ""))

    def test_search_and_filter(self):
        whole = self.attempts()
        self.assertGreater(whole, 500)
        self.search("192.0.2.11 pentagon")
        found = self.rows()
        self.assertTrue(0 < len(found) < 200)
        for row in found:
            self.assertEqual(row[2], "192.0.2.11")
            self.assertIn("pentagon", row[3] + row[4])
        self.assertIn(f"{len(found)} attempt", self.run_script(
            "document.getElementById('matches').textContent"))
        self.search("no such name")
        self.assertEqual(self.rows(), [])
        self.search("")
        self.run_script("(() => { const list = document.getElementById('outcome-filter'); "
                        "list.value = 'queued'; list.dispatchEvent(new Event('change')); })()")
        self.assertEqual({row[8] for row in self.rows()}, {"queued"})
        self.run_script("(() => { const list = document.getElementById('outcome-filter'); "
                        "list.value = ''; list.dispatchEvent(new Event('change')); })()")
        self.assertEqual(self.attempts(), whole)

    def test_shows_a_part_and_then_more(self):
        self.assertEqual(len(self.rows()), 200)
        self.assertIn(", the first 200 shown", self.run_script(
            "document.getElementById('matches').textContent"))
        self.run_script("document.getElementById('more').focus()")
        self.browser.press("Enter")
        self.assertEqual(len(self.rows()), 400)
        # The keyboard goes on at the first new row.
        self.assertEqual(self.run_script("document.activeElement.sectionRowIndex"), 200)
        self.search("pentagon.mit")
        self.assertLessEqual(len(self.rows()), 200)
        self.search("")
        self.assertEqual(len(self.rows()), 200)

    def test_sorts_by_keyboard(self):
        self.run_script("document.querySelectorAll('#attempts th button')[5].focus()")
        self.browser.press("Enter")
        self.assertEqual(self.attempts(), self.run_script(
            "JSON.parse(document.getElementById('data').textContent).latest_attempts.length"))
        head = "document.querySelectorAll('#attempts thead th')[%d].getAttribute('aria-sort')"
        self.assertEqual(self.run_script(head % 5), "descending")
        self.assertIsNone(self.run_script(head % 0))
        counts = [int(row[5]) for row in self.rows()]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.browser.press("Enter")
        self.assertEqual(self.run_script(head % 5), "ascending")
        counts = [int(row[5]) for row in self.rows()]
        self.assertEqual(counts, sorted(counts))

    def test_can_be_read_without_eyes_or_mouse(self):
        run = self.run_script
        self.assertEqual(run("document.documentElement.lang"), "en")
        for landmark in ("header", "main", "footer", "[role=search]", "[role=status][aria-live]"):
            self.assertEqual(run(f"document.querySelectorAll('{landmark}').length"), 1, landmark)
        self.assertEqual(run("[...document.querySelectorAll('section')].filter(one => "
                             "!document.getElementById(one.getAttribute('aria-labelledby'))).length"), 0)
        self.assertEqual(run("[...document.querySelectorAll('svg')].filter(one => "
                             "one.getAttribute('role') !== 'img' || "
                             "!one.getAttribute('aria-label')).length"), 0)
        self.assertEqual(run("document.querySelectorAll('th:not([scope])').length"), 0)
        self.assertEqual(run("[...document.querySelectorAll('input, select')].filter(one => "
                             "one.labels.length === 0).length"), 0)
        # The first stop of the Tab key leads over everything to the table, and is seen.
        run("document.activeElement.blur(), window.scrollTo(0, 0), "
            "getSelection().setPosition(document.body, 0)")
        self.browser.press("Tab")
        self.assertEqual(run("document.activeElement.getAttribute('href')"), "#attempts")
        self.assertGreaterEqual(run("document.activeElement.getBoundingClientRect().left"), 0)

    def test_every_table_and_region_has_a_name(self):
        self.assertEqual(self.run_script(
            "[...document.querySelectorAll('table, [role=region]')].filter(one => "
            "!document.getElementById(one.getAttribute('aria-labelledby'))).length"), 0)
        levels = self.run_script("[...document.querySelectorAll('h1, h2, h3')].map(one => "
                                 "Number(one.tagName[1]))")
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(b - a <= 1 for a, b in zip(levels, levels[1:])))

    def test_contrast(self):
        """Text 4.5 to 1, and what the pictures are made of 3 to 1, as WCAG 2.2 AA asks."""
        colour = "getComputedStyle(document.querySelector('%s')).%s"
        for scheme in ("light", "dark"):
            self.browser.media(scheme)
            card = self.run_script(colour % ("section", "backgroundColor"))
            page = self.run_script(colour % ("body", "backgroundColor"))
            for place, property, ground, least in (
                    ("h1", "color", page, 4.5), ("#period", "color", page, 4.5),
                    ("footer", "color", page, 4.5), ("section p.soft", "color", card, 4.5),
                    ("td", "color", card, 4.5), ("td.through", "color", card, 4.5),
                    ("caption", "color", card, 4.5), ("summary", "color", card, 4.5),
                    ("svg .odd", "fill", card, 4.5), ("svg .axis", "fill", card, 4.5),
                    ("svg .others", "fill", card, 4.5), ("#search", "borderTopColor", card, 3),
                    ("svg .fill-stopped", "fill", card, 3), ("svg .fill-let", "fill", card, 3),
                    ("svg .fill-queued", "fill", card, 3), ("svg .fill-sinkhole", "fill", card, 3)):
                value = self.run_script(colour % (place, property))
                self.assertGreaterEqual(contrast(value, ground), least, (scheme, place, value))
            badge = [self.run_script(colour % (".badge", name)) for name in ("color", "backgroundColor")]
            self.assertGreaterEqual(contrast(*badge), 4.5, scheme)
        self.browser.media("light")

    def test_narrow_screen(self):
        """No sideways scrolling of the page; a table too wide moves in its own place, by keyboard too."""
        self.browser.call("Emulation.setDeviceMetricsOverride", width=360, height=740,
                          deviceScaleFactor=1, mobile=True)
        self.assertLessEqual(self.run_script("document.documentElement.scrollWidth"), 360)
        self.assertEqual(self.run_script("document.getElementById('attempt-table').tabIndex"), 0)
        size = self.run_script("parseFloat(getComputedStyle(document.querySelector('#names text')).fontSize)"
                               " * document.querySelector('#names svg').getScreenCTM().a")
        self.assertGreaterEqual(size, 12)
        outside = self.run_script(
            "[...document.querySelectorAll('#names text')].filter(one => { const box = "
            "one.getBoundingClientRect(); return box.left < 0 || box.right > 360; }).length")
        self.assertEqual(outside, 0)
        self.browser.call("Emulation.clearDeviceMetricsOverride")

    def test_dark_light_and_printed(self):
        colour = "getComputedStyle(document.body).backgroundColor"
        light = self.run_script(colour)
        self.browser.media("dark")
        self.assertNotEqual(self.run_script(colour), light)
        self.browser.media("dark", "print")
        self.assertEqual(self.run_script(colour), "rgb(255, 255, 255)")
        self.assertEqual(self.run_script(
            "getComputedStyle(document.querySelector('.controls')).display"), "none")
        self.browser.media("light")

    def test_says_what_was_meant(self):
        self.assertEqual(self.run_script(
            "[...document.querySelectorAll('#names g')].length") > 3, True)
        # As many are in the picture as can be read; the rest is there as a number.
        self.assertLessEqual(self.run_script("document.querySelectorAll('#names g').length"), 34)
        self.assertRegex(self.run_script("document.querySelector('#names .others').textContent"),
                         r"^\d+ others$")
        odd = self.run_script("[...document.querySelectorAll('#names .odd')].map(one => "
                              "one.textContent)")
        self.assertTrue(any(odd))
        # A letter too many is marked, and the place of one that is missing.
        self.assertIn("‸", "".join(odd))


class LargePage(unittest.TestCase):
    """A hundred thousand attempts, which is the most that a page holds."""

    def test_stays_usable(self):
        with tempfile.TemporaryDirectory() as folder, Browser() as browser:
            page = made_page(folder, ReportPage.nearmiss, ReportPage.make_events,
                             events="400000", days="90", report=("--attempts", "100000"))
            browser.open(page)
            self.assertEqual(browser.run("document.documentElement.dataset.ready"), "yes")
            self.assertRegex(browser.run("document.querySelector('#attempt-table caption').textContent"),
                             r"latest 100,000 of \d+,\d+ attempts")
            self.assertLess(browser.run("document.querySelectorAll('*').length"), 10000)
            browser.run("(() => { const box = document.getElementById('search'); "
                        "box.value = 'pentagon'; box.dispatchEvent(new Event('input')); })()")
            self.assertEqual(browser.run("document.querySelectorAll('#attempts tbody tr').length"), 200)


def keep(folder, nearmiss, make_events):
    page = made_page(folder, nearmiss, make_events)
    with Browser() as browser:
        browser.call("Emulation.setDeviceMetricsOverride", width=1280, height=900,
                     deviceScaleFactor=1, mobile=False)
        for scheme in ("light", "dark"):
            browser.media(scheme)
            browser.open(page)
            browser.run("document.querySelectorAll('#attempts tbody tr:nth-child(n+25)')"
                        ".forEach(row => row.remove())")
            browser.picture(os.path.join(folder, scheme + ".png"))
        browser.media("light")
        browser.picture(os.path.join(folder, "narrow.png"), width=390)
        browser.media("light", "")
        browser.pdf(os.path.join(folder, "printed.pdf"))


if __name__ == "__main__":
    ReportPage.nearmiss, ReportPage.make_events = sys.argv[1:3]
    if sys.argv[3:4] == ["--keep"]:
        keep(sys.argv[4], *sys.argv[1:3])
        sys.exit()
    with tempfile.TemporaryDirectory() as made:
        ReportPage.folder = made
        unittest.main(argv=sys.argv[:1])
