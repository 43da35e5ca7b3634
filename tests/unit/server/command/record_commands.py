#!/usr/bin/python3
"""Writes redis_commands.h: what a running redis-server 7.0.15 says of its commands.

    record_commands.py PORT > redis_commands.h
"""

import json
import subprocess
import sys


def ask(port, *words):
    out = subprocess.run(["redis-cli", "-p", port, "-3", "--json", *words], capture_output=True, check=True)
    return json.loads(out.stdout)


def lines(entries):
    for name, arity, flags, first, last, step, categories, _tips, _specs, subcommands in entries:
        yield f"{name} {arity} {first} {last} {step} {','.join(sorted(flags)) or '-'} {','.join(sorted(categories))}"
        yield from lines(subcommands)


print("// Recorded by record_commands.py from redis-server 7.0.15: name, arity, first key, last key,")
print("// step, flags and ACL categories of every command.")
print("#pragma once\n\n#include <string_view>\n\nnamespace redan {\n")
print('inline constexpr std::string_view kRedisCommands = R"(')
print("\n".join(sorted(lines(ask(sys.argv[1], "COMMAND")))) + '\n)";\n')
print("}  // namespace redan")
