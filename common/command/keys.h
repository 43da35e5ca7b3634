// Which arguments of a call are keys, from the command's key specifications (and its key finder,
// where those are incomplete): what ACLs, routing and COMMAND GETKEYS ask.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/command/spec.h"

namespace redan {

// The keys of a call with the right arity, in order; `args` begins with the command's name (a
// subcommand's call with the container's). False where the words cannot be understood, as with a
// count of keys that is larger than the words that follow. `keys` is emptied first, so that a
// caller on a hot path can keep its memory.
bool find_keys(const CommandSpec& spec, std::span<const std::string_view> args,
               std::vector<KeyRef>& keys);

// The form of clients that know no key specs: first, last, step, and whether that is not all.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
  bool movable = false;
};
KeyRange legacy_range(const CommandSpec& spec);

// The specs in use.
std::span<const KeySpec> key_specs(const CommandSpec& spec);

}  // namespace redan
