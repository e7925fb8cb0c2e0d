#!/usr/bin/env python3
"""The report as a reader's browser shows it: on a desk and on a phone, on light and on dark paper, without a network."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import chromium

HERE = pathlib.Path(os.path.abspath(__file__)).parent
DESK, PHONE = 1280, 390
TAB, RIGHT = ("Tab", 9), ("ArrowRight", 39)
# What the keyboard must reach: links, what unfolds, and one stop for each chart that has values.
STOPS = """[...document.querySelectorAll('a, summary, .points')].filter(
    (e) => e.getClientRects().length > 0).map((e) => e.matches('.points') ? e.querySelector('input').name : e.textContent)"""
FOCUSED = """(() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  return e.matches('.points input') ? e.name : e.textContent;
})()"""


class PageTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        subprocess.run([HERE / "made_page", cls.folder.name], check=True)
        cls.browser = chromium.Browser()
        cls.addClassCleanup(cls.browser.__exit__)

    def open(self, page, width=DESK, dark=False, media=""):
        self.browser.look(width, 900, dark, media)
        self.browser.open("%s/%s.html" % (self.folder.name, page))

    def expect_whole(self, page):
        values = (pathlib.Path(self.folder.name) / (page + ".json")).read_text()
        wrong = self.browser.evaluate("(%s)(%s)" % ((HERE / "look.js").read_text(), values))
        self.assertEqual(wrong, [])

    def for_each_look(self, check):
        for page in ["full", "poor"]:
            for width in [DESK, PHONE]:
                for dark in [False, True]:
                    with self.subTest(page=page, width=width, dark=dark):
                        self.open(page, width, dark)
                        check(page)

    def test_nothing_is_cut_off_or_covered_or_faint_and_each_chart_has_its_data(self):
        self.for_each_look(self.expect_whole)

    def test_what_unfolds_is_whole_too(self):
        def check(page):
            self.browser.evaluate("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
            self.expect_whole(page)

        self.for_each_look(check)

    def test_paper_is_light_or_dark_as_the_reader_likes(self):
        papers = []
        for dark in [False, True]:
            self.open("full", dark=dark)
            papers.append(self.browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(papers, ["rgb(255, 255, 255)", "rgb(20, 24, 29)"])

    def test_print_shows_what_is_folded(self):
        self.open("full", width=700, media="print")
        self.assertLessEqual(self.browser.evaluate("document.documentElement.scrollWidth"), 700)
        # innerText leaves out what isn't shown.
        hidden = self.browser.evaluate("[...document.querySelectorAll('details td')].filter((e) => !e.innerText.trim() "
                                       "&& e.textContent.trim()).length")
        self.assertEqual(hidden, 0)

    def test_the_console_is_silent_and_nothing_is_asked_of_a_network(self):
        def check(page):
            asked = [event["params"]["request"]["url"] for event in self.browser.events
                     if event["method"] == "Network.requestWillBeSent"]
            self.assertEqual(asked, ["file://%s/%s.html" % (self.folder.name, page)])
            self.assertEqual([event for event in self.browser.events if event["method"] in
                              ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")], [])

        self.for_each_look(check)

    def test_the_keyboard_reaches_everything_in_the_order_of_the_page(self):
        for width in [DESK, PHONE]:
            with self.subTest(width=width):
                self.open("full", width)
                expected = self.browser.evaluate(STOPS)
                self.assertGreater(len(expected), 20)
                reached = []
                for _ in expected:
                    self.browser.press(*TAB)
                    reached.append(self.browser.evaluate(FOCUSED))
                self.assertEqual(reached, expected)

    def test_arrow_keys_show_every_value_of_a_chart(self):
        self.open("full", PHONE)
        figures = json.loads((pathlib.Path(self.folder.name) / "full.json").read_text())
        for figure, count in figures.items():
            with self.subTest(figure=figure):
                group = json.dumps('[name="%s-narrow"]' % figure)
                self.browser.evaluate("document.querySelector(%s).focus()" % group)
                said = []
                for _ in range(count):
                    said.append(self.browser.evaluate("""(() => {
                      const tips = [...document.querySelectorAll('.tip')].filter((e) => getComputedStyle(e).visibility === 'visible');
                      return [document.activeElement.ariaLabel, tips.map((e) => e.textContent.replaceAll('\\n', ', '))];
                    })()"""))
                    self.browser.press(*RIGHT)
                for label, tips in said:
                    self.assertEqual(tips, [label])
                points = self.browser.evaluate("[...document.querySelectorAll(%s)].map((e) => e.ariaLabel)" % group)
                self.assertEqual([label for label, _ in said], points)

    def test_every_picture_and_control_has_a_name_for_those_who_hear_the_page(self):
        for page in ["full", "poor"]:
            self.open(page)
            nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
            roles = {}
            for node in nodes:
                role = node.get("role", {}).get("value")
                if not node.get("ignored"):
                    roles.setdefault(role, []).append(node.get("name", {}).get("value", ""))
            pictures = roles.get("image", []) + roles.get("img", [])
            figures = json.loads((pathlib.Path(self.folder.name) / (page + ".json")).read_text())
            self.assertEqual(len(pictures), len(figures))
            for role in ["image", "img", "radiogroup", "radio", "link", "heading", "DisclosureTriangle"]:
                for name in roles.get(role, []):
                    self.assertGreater(len(name.strip()), 2, role)
            self.assertEqual(self.browser.evaluate("document.documentElement.lang"), "en")


if __name__ == "__main__":
    unittest.main()
