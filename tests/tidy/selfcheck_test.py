#!/usr/bin/env python3
"""Shows each rule of tidy.py a small tree that breaks it, and one that does not."""
import pathlib
import tempfile
import unittest

import tidy

LAYERS = """
layer server/command
layer server/data : pure
layer common/base : pure
heavy server/command
except common/base/door.cc it is the door
"""


class Tree(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="redan-tidy-")
        self.root = pathlib.Path(self.place.name)
        (self.root / "layers.txt").write_text(LAYERS)
        self.layers = tidy.Layers(self.root / "layers.txt")

    def tearDown(self):
        self.place.cleanup()

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def test_includes_may_point_down_but_not_up_or_sideways(self):
        self.put("common/base/a.h", "")
        self.put("server/data/d.h", '#include "common/base/a.h"\n#include "server/data/e.h"\n')
        self.assertEqual(tidy.check_layers(self.root, self.layers), [])
        self.put("common/base/up.h", '\n  #  include "server/data/d.h"\n')
        self.put("server/data/f.cc", '#include "server/command/c.h"\n')
        faults = tidy.check_layers(self.root, self.layers)
        self.assertEqual(faults, [
            'common/base/up.h:2: "server/data/d.h" does not lie below common/base',
            'server/data/f.cc:1: "server/command/c.h" does not lie below server/data'])

    def test_unknown_folders_and_heavy_headers_are_faults(self):
        self.put("common/new/a.h", "")
        self.put("server/data/d.h", "#include <boost/asio/post.hpp>\n")
        self.put("server/command/c.cc", "#include <boost/asio/post.hpp>\n#include <vector>\n")
        self.put("server/command/e.cc", '#include "somewhere/x.h"\n')
        faults = tidy.check_layers(self.root, self.layers)
        self.assertEqual(len(faults), 3, faults)

    def test_pure_folders_ask_no_clock(self):
        self.put("common/base/door.cc", "#include <mutex>\nint x = rand();")
        self.put("common/base/fine.cc",
                 '#include <chrono>\n// steady_clock is meant for others\n'
                 'auto s = "printf(";\nvoid f() { list.time(0); x->read(1); /* ::open( */ }\n')
        self.assertEqual(tidy.check_pure(self.root, self.layers), [])
        for number, code in enumerate(("std::chrono::steady_clock::now();", "time(nullptr);",
                                       "::open(path, 0);", "rand();", "std::mutex m;",
                                       'printf("x");')):
            self.put("server/data/bad.cc", f"// line\nvoid f() {{ {code} }}\n")
            faults = tidy.check_pure(self.root, self.layers)
            self.assertEqual(len(faults), 1, (number, code, faults))
            self.assertIn("server/data/bad.cc:2:", faults[0])
        self.put("server/data/bad.cc", "#include <thread>\n#include <sys/socket.h>\n"
                                       '#include "common/base/clock.h"\n')
        self.assertEqual(len(tidy.check_pure(self.root, self.layers)), 3)

    def test_headers_compile_alone(self):
        self.put("common/base/good.h", "#pragma once\n#include <string>\ninline std::string s;\n")
        self.assertEqual(tidy.check_headers(self.root, "c++", ["-std=c++20"], 1), [])
        self.put("common/base/bad.h", "#pragma once\ninline std::string s;\n")
        faults = tidy.check_headers(self.root, "c++", ["-std=c++20"], 1)
        self.assertEqual(len(faults), 1)
        self.assertIn("common/base/bad.h does not compile alone", faults[0])

    def test_format_and_readmes(self):
        self.put(".clang-format", "BasedOnStyle: Google\n")
        self.put("common/base/good.h", "int x;\n")
        self.put("common/base/README.md", "# base\n\n## Decisions\n")
        self.assertEqual(tidy.check_format(self.root, "clang-format"), [])
        self.assertEqual(tidy.check_readmes(self.root), [])
        self.put("common/base/bad.h", "int   x ;\n")
        self.put("server/data/d.h", "int x;\n")
        self.assertEqual(tidy.check_format(self.root, "clang-format"),
                         ["common/base/bad.h is not formatted (clang-format -i)"])
        self.assertEqual(len(tidy.check_readmes(self.root)), 1)
        self.put("server/data/README.md", "# data\n")
        self.assertEqual(tidy.check_readmes(self.root), [])

    def test_a_bad_line_in_layers_txt_is_named(self):
        (self.root / "layers.txt").write_text("layr common/base\n")
        with self.assertRaises(SystemExit):
            tidy.Layers(self.root / "layers.txt")


if __name__ == "__main__":
    unittest.main()
