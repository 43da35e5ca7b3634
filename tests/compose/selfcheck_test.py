#!/usr/bin/python3
"""The books find each kind of broken promise: what they accept has to mean something."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from books import Books  # noqa: E402

HARM, END = 10.0, 15.0
TESTED = [0, 1, 1.0, 1.1, "old", 2]  # A write that every replica had, before the harm.


class TheBooks(unittest.TestCase):
    def breaches(self, *lost, nothing_lost=False, tested=TESTED):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "load.json"
            path.write_text(json.dumps({"attempted": 9, "acknowledged": [tested, *lost]}))
            books = Books(path, str)
        books.lost = books.acknowledged[1:]
        return books.breaches(nothing_lost, "old", HARM, END, 2)

    def test_a_loss_inside_the_window_is_permitted(self):
        self.assertEqual(self.breaches([0, 2, 11, 11.1, "old", 0], [0, 3, 14.9, 15.2, "old", 1]), [])

    def test_but_not_where_nothing_may_be_lost(self):
        self.assertEqual(len(self.breaches([0, 2, 11, 11.1, "old", 0], nothing_lost=True)), 1)

    def test_a_write_of_every_replica_may_never_be_lost(self):
        self.assertIn("every replica had it", self.breaches([0, 2, 11, 11.1, "old", 2])[0])

    def test_nor_one_of_the_new_primary(self):
        self.assertIn("old was the primary", self.breaches([0, 2, 11, 11.1, "new", 0])[0])

    def test_nor_one_from_before_the_harm_or_after_the_window(self):
        self.assertIn("before anything was broken", self.breaches([0, 2, 9, 9.9, "old", 1])[0])
        self.assertIn("had to refuse", self.breaches([0, 2, 15.1, 15.2, "old", 0])[0])

    def test_books_without_a_write_on_every_replica_prove_nothing(self):
        self.assertIn("nothing was tested", self.breaches(tested=[0, 1, 1.0, 1.1, "old", 1])[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
