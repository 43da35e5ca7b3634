// What commands that take elements out of lists have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/values/list_value.h"

namespace redan {

// LEFT or RIGHT.
Result<ListEnd> list_end_arg(std::string_view word);

// Replies with up to `count` elements of that end as an array, or with the one there is without
// `as_array`, and takes them out: the key too, with its last element. How many it were.
size_t pop_and_reply(Call& call, std::string_view key, Keyspace::Ref ref, ListEnd end,
                     uint64_t count, bool as_array);

// The list lost elements: watchers and listeners hear of it, as of its end where it is over.
void list_shrunk(Call& call, std::string_view key, std::string_view event, bool key_went,
                 uint64_t changes);

// Moves an element from one list's end to another's (or the same one's) and replies with it. The
// source must have one.
Result<void> move_element(Call& call, std::string_view source, std::string_view target,
                          ListEnd from, ListEnd to);

}  // namespace redan
