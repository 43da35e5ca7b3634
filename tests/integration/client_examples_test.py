#!/usr/bin/python3
"""What the READMEs and examples of node-redis and ioredis show (npm), written our own way: every example must see the
same over ours and over redis-server 7.0.15, and leave the same behind. clients/*_examples.js are the examples.

Without modules, and without what Redan does not have yet: scripts, ACL users and CLIENT TRACKING.
"""

import json
import unittest

from real_program import RealProgram, keyspace

SOCKET = "examples.sock"  # In the server's folder.


class ClientExamples(RealProgram):
    def examples(self, script):
        def story(server):
            lines = self.run_program("node", script, server.port, server.folder / SOCKET).splitlines()
            return dict(map(json.loads, lines)), keyspace(server)
        saw, _ = self.told_twice(story, unixsocket=SOCKET)
        return saw

    def test_node_redis(self):
        self.require_npm("redis")
        self.assertEqual(len(self.examples("node_redis_examples.js")), 30)

    def test_ioredis(self):
        self.require_npm("ioredis")
        self.assertEqual(len(self.examples("ioredis_examples.js")), 21)


if __name__ == "__main__":
    unittest.main(verbosity=2)
