// The list commands that name one list.
#include <algorithm>
#include <limits>
#include <optional>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/lists/list_effects.h"
#include "server/values/list_value.h"

namespace redan {
namespace {

Result<Keyspace::Ref> change_list(Call& call) {
  return change_value(call, call.arg(1), ValueType::kList);
}

Result<const Entry*> read_list(Call& call) {
  return read_value(call, call.arg(1), ValueType::kList);
}

// --- adding ---

Result<void> push_all(Call& call, ListEnd end, bool only_existing) {
  const std::string_view key = call.arg(1);
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  if (!*ref && only_existing) {
    call.reply().integer(0);
    return kOk;
  }
  const auto texts = call.args().subspan(2);
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  {
    ListEdit list(call.keyspace(), call.db(), key, *ref);
    list.expect(bytes, texts.size());
    for (const std::string_view text : texts) list.push(end, text);
    call.reply().integer(static_cast<int64_t>(list.size()));
  }
  call.keyspace().changed(call.db(), key, texts.size());
  call.notify(KeyspaceEvents::kList, end == ListEnd::kHead ? "lpush" : "rpush", key);
  return kOk;
}

Result<void> lpush(Call& call) {
  return push_all(call, ListEnd::kHead, false);
}

Result<void> rpush(Call& call) {
  return push_all(call, ListEnd::kTail, false);
}

Result<void> lpushx(Call& call) {
  return push_all(call, ListEnd::kHead, true);
}

Result<void> rpushx(Call& call) {
  return push_all(call, ListEnd::kTail, true);
}

// How many elements stand before the first that equals `text`; nothing where none does.
std::optional<size_t> index_of(const ListView& list, std::string_view text) {
  const ListNeedle needle(text);
  size_t index = 0;
  bool found = false;
  list.for_each(0, list.size(), ListEnd::kTail, [&](const ListView::Element& element) {
    found = needle.equals(element);
    index += found ? 0 : 1;
    return !found;
  });
  return found ? std::optional(index) : std::nullopt;
}

Result<void> linsert(Call& call) {
  const bool behind = iequals(call.arg(2), "after");
  if (!behind && !iequals(call.arg(2), "before")) return syntax_error();
  const std::string_view key = call.arg(1);
  const std::string_view text = call.arg(4);
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  if (!*ref) {
    call.reply().integer(0);
    return kOk;
  }
  const std::optional<size_t> pivot = index_of(ListView(**ref), call.arg(3));
  if (!pivot) {
    call.reply().integer(-1);
    return kOk;
  }
  {
    ListEdit list(call.keyspace(), call.db(), key, *ref);
    list.expect(text.size(), 1);
    list.insert(*pivot + (behind ? 1 : 0), text);
    call.reply().integer(static_cast<int64_t>(list.size()));
  }
  call.keyspace().changed(call.db(), key);
  call.notify(KeyspaceEvents::kList, "linsert", key);
  return kOk;
}

// --- reading ---

Result<void> llen(Call& call) {
  const Result<const Entry*> entry = read_list(call);
  if (!entry) return entry.error();
  call.reply().integer(*entry == nullptr ? 0 : static_cast<int64_t>(ListView(**entry).size()));
  return kOk;
}

// Negative numbers count from the end; nothing where no element is.
std::optional<size_t> index_in(const ListView& list, int64_t index) {
  const auto size = static_cast<int64_t>(list.size());
  if (index < 0) index += size;
  if (index < 0 || index >= size) return std::nullopt;
  return static_cast<size_t>(index);
}

Result<void> lindex(Call& call) {
  const Result<const Entry*> entry = read_list(call);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().null();
    return kOk;
  }
  const Result<int64_t> number = integer_arg(call.arg(2));
  if (!number) return number.error();
  const ListView list(**entry);
  const std::optional<size_t> index = index_in(list, *number);
  OpenNode open;
  index ? reply_element(call.reply(), list.at(*index, open)) : call.reply().null();
  return kOk;
}

// The elements that two positions enclose, as far as there are any.
struct Range {
  size_t first = 0;
  size_t count = 0;
};

Range range_in(size_t size, int64_t first, int64_t last) {
  const auto length = static_cast<int64_t>(size);
  if (first < 0) first = std::max<int64_t>(first + length, 0);
  if (last < 0) last += length;
  last = std::min(last, length - 1);
  if (first > last) return {};
  return {static_cast<size_t>(first), static_cast<size_t>(last - first + 1)};
}

Result<void> lrange(Call& call) {
  const Result<int64_t> first = integer_arg(call.arg(2));
  if (!first) return first.error();
  const Result<int64_t> last = integer_arg(call.arg(3));
  if (!last) return last.error();
  const Result<const Entry*> entry = read_list(call);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().array(0);
    return kOk;
  }
  const ListView list(**entry);
  const Range range = range_in(list.size(), *first, *last);
  call.reply().array(range.count);
  list.for_each(range.first, range.count, ListEnd::kTail, [&](const ListView::Element& element) {
    reply_element(call.reply(), element);
    return true;
  });
  return kOk;
}

// What LPOS looks for: `count` matches (0: all), from the `rank`th on, among `most` elements (0:
// all); backwards from the tail where the rank is negative.
struct PositionRequest {
  uint64_t rank = 1;
  bool backwards = false;
  std::optional<int64_t> count;
  int64_t most = 0;
};

Result<PositionRequest> read_positions(ArgReader words) {
  PositionRequest request;
  const auto not_negative = [&](std::string_view name) -> Result<int64_t> {
    const Result<int64_t> number = words.integer();
    if (!number || *number < 0) return Error(std::string(name) + " can't be negative");
    return number;
  };
  while (words.more()) {
    if (words.match_with("RANK", 1)) {
      const Result<int64_t> rank = words.integer();
      if (!rank) return rank.error();
      if (*rank == 0) {
        return Error(
            "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
            "use negative to start from the end of the list");
      }
      if (*rank == std::numeric_limits<int64_t>::min()) {
        return Error(
            "value is out of range, value must between -9223372036854775807 and "
            "9223372036854775807");
      }
      request.backwards = *rank < 0;
      request.rank = static_cast<uint64_t>(*rank < 0 ? -*rank : *rank);
    } else if (words.match_with("COUNT", 1)) {
      const Result<int64_t> count = not_negative("COUNT");
      if (!count) return count.error();
      request.count = *count;
    } else if (words.match_with("MAXLEN", 1)) {
      const Result<int64_t> most = not_negative("MAXLEN");
      if (!most) return most.error();
      request.most = *most;
    } else {
      return syntax_error();
    }
  }
  return request;
}

Result<void> lpos(Call& call) {
  const Result<PositionRequest> request = read_positions(ArgReader(call.args(), 3));
  if (!request) return request.error();
  const Result<const Entry*> entry = read_list(call);
  if (!entry) return entry.error();
  ReplyWriter& reply = call.reply();
  if (*entry == nullptr) {
    request->count ? reply.array(0) : reply.null();
    return kOk;
  }
  const ListView list(**entry);
  const ListNeedle needle(call.arg(2));
  const size_t size = list.size();
  const size_t looked_at =
      request->most == 0
          ? size
          : static_cast<size_t>(std::min<uint64_t>(static_cast<uint64_t>(request->most), size));
  const uint64_t wanted = !request->count        ? 1
                          : *request->count == 0 ? std::numeric_limits<uint64_t>::max()
                                                 : static_cast<uint64_t>(*request->count);
  const size_t start = reply.begin_deferred();
  uint64_t matches = 0;
  size_t replied = 0;
  size_t index = request->backwards ? size - 1 : 0;
  list.for_each(index, looked_at, request->backwards ? ListEnd::kHead : ListEnd::kTail,
                [&](const ListView::Element& element) {
                  if (needle.equals(element) && ++matches >= request->rank) {
                    reply.integer(static_cast<int64_t>(index));
                    ++replied;
                  }
                  index += request->backwards ? static_cast<size_t>(-1) : 1;
                  return replied < wanted;
                });
  if (request->count) {
    reply.end_array(start, replied);
  } else if (replied == 0) {
    reply.null();
  }
  return kOk;
}

// --- replacing and taking out ---

Result<void> lset(Call& call) {
  const std::string_view key = call.arg(1);
  const std::string_view text = call.arg(3);
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  if (!*ref) return no_such_key();
  const Result<int64_t> number = integer_arg(call.arg(2));
  if (!number) return number.error();
  const std::optional<size_t> index = index_in(ListView(**ref), *number);
  if (!index) return Error("index out of range");
  {
    ListEdit list(call.keyspace(), call.db(), key, *ref);
    list.expect(text.size(), 1);
    list.replace(*index, text);
    list.settle();  // The old element may have been a large one.
  }
  call.keyspace().changed(call.db(), key);
  call.notify(KeyspaceEvents::kList, "lset", key);
  call.reply().ok();
  return kOk;
}

Result<void> pop(Call& call, ListEnd end, std::string_view name) {
  if (call.arg_count() > 3) return wrong_arity(name);
  const bool counted = call.arg_count() == 3;
  uint64_t count = 1;
  if (counted) {
    const Result<int64_t> number = integer_arg(call.arg(2));
    if (!number || *number < 0) return Error("value is out of range, must be positive");
    count = static_cast<uint64_t>(*number);
  }
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  if (!*ref) {
    counted ? call.reply().null_array() : call.reply().null();
  } else if (count == 0) {
    call.reply().array(0);
  } else {
    pop_and_reply(call, call.arg(1), *ref, end, count, counted);
  }
  return kOk;
}

Result<void> lpop(Call& call) {
  return pop(call, ListEnd::kHead, "lpop");
}

Result<void> rpop(Call& call) {
  return pop(call, ListEnd::kTail, "rpop");
}

Result<void> ltrim(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<int64_t> first = integer_arg(call.arg(2));
  if (!first) return first.error();
  const Result<int64_t> last = integer_arg(call.arg(3));
  if (!last) return last.error();
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  if (*ref) {
    ListEdit list(call.keyspace(), call.db(), key, *ref);
    const size_t size = list.size();
    const Range kept = range_in(size, *first, *last);
    list.erase_end(ListEnd::kTail, size - kept.first - kept.count);
    list.erase_end(ListEnd::kHead, kept.count == 0 ? list.size() : kept.first);
    list_shrunk(call, key, "ltrim", list.settle(), size - kept.count);
  }
  call.reply().ok();
  return kOk;
}

Result<void> lrem(Call& call) {
  const std::string_view key = call.arg(1);
  const Result<int64_t> count = integer_arg(call.arg(2));
  if (!count) return count.error();
  const Result<Keyspace::Ref> ref = change_list(call);
  if (!ref) return ref.error();
  size_t erased = 0;
  if (*ref) {
    const uint64_t most = *count == 0  ? std::numeric_limits<uint64_t>::max()
                          : *count > 0 ? static_cast<uint64_t>(*count)
                                       : ~static_cast<uint64_t>(*count) + 1;
    ListEdit list(call.keyspace(), call.db(), key, *ref);
    erased = list.erase_equal(call.arg(3), most, *count < 0 ? ListEnd::kTail : ListEnd::kHead);
    if (erased > 0) list_shrunk(call, key, "lrem", list.settle(), erased);
  }
  call.reply().integer(static_cast<int64_t>(erased));
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "LPUSH",
      .syntax = "key element [element ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Prepend one or multiple elements to a list",
      .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "2.4.0: Accepts multiple `element` arguments."},
     lpush},
    {{.name = "RPUSH",
      .syntax = "key element [element ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Append one or multiple elements to a list",
      .since = "1.0.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "2.4.0: Accepts multiple `element` arguments."},
     rpush},
    {{.name = "LPUSHX",
      .syntax = "key element [element ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Prepend an element to a list, only if the list exists",
      .since = "2.2.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "4.0.0: Accepts multiple `element` arguments."},
     lpushx},
    {{.name = "RPUSHX",
      .syntax = "key element [element ...]",
      .flags = kWrite | kDenyOom | kFast,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Append an element to a list, only if the list exists",
      .since = "2.2.0",
      .complexity = "O(1) for each element added, so O(N) to add N elements when the command is "
                    "called with multiple arguments.",
      .history = "4.0.0: Accepts multiple `element` arguments."},
     rpushx},
    {{.name = "LINSERT",
      .syntax = "key (where: BEFORE|AFTER) pivot element",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyRW | kKeyInsert),
      .summary = "Insert an element before or after another element in a list",
      .since = "2.2.0",
      .complexity =
          "O(N) where N is the number of elements to traverse before seeing the value pivot. This "
          "means that inserting somewhere on the left end on the list (head) can be considered "
          "O(1) and inserting somewhere on the right end (tail) is O(N)."},
     linsert},
    {{.name = "LLEN",
      .syntax = "key",
      .flags = kReadOnly | kFast,
      .keys = one_key(kKeyRO),
      .summary = "Get the length of a list",
      .since = "1.0.0",
      .complexity = "O(1)"},
     llen},
    {{.name = "LINDEX",
      .syntax = "key index:integer",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get an element from a list by its index",
      .since = "1.0.0",
      .complexity =
          "O(N) where N is the number of elements to traverse to get to the element at index. This "
          "makes asking for the first or the last element of the list O(1)."},
     lindex},
    {{.name = "LRANGE",
      .syntax = "key start:integer stop:integer",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Get a range of elements from a list",
      .since = "1.0.0",
      .complexity = "O(S+N) where S is the distance of start offset from HEAD for small lists, "
                    "from nearest end (HEAD or TAIL) for large lists; and N is the number of "
                    "elements in the specified range."},
     lrange},
    {{.name = "LPOS",
      .syntax = "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return the index of matching elements on a list",
      .since = "6.0.6",
      .complexity =
          "O(N) where N is the number of elements in the list, for the average case. When "
          "searching for elements near the head or the tail of the list, or when the MAXLEN option "
          "is provided, the command may run in constant time."},
     lpos},
    {{.name = "LSET",
      .syntax = "key index:integer element",
      .flags = kWrite | kDenyOom,
      .keys = one_key(kKeyRW | kKeyUpdate),
      .summary = "Set the value of an element in a list by its index",
      .since = "1.0.0",
      .complexity = "O(N) where N is the length of the list. Setting either the first or the last "
                    "element of the list is O(1)."},
     lset},
    {{.name = "LPOP",
      .syntax = "key [count:integer]@6.2.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and get the first elements in a list",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements returned",
      .history = "6.2.0: Added the `count` argument."},
     lpop},
    {{.name = "RPOP",
      .syntax = "key [count:integer]@6.2.0",
      .flags = kWrite | kFast,
      .keys = one_key(kKeyRW | kKeyAccess | kKeyDelete),
      .summary = "Remove and get the last elements in a list",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements returned",
      .history = "6.2.0: Added the `count` argument."},
     rpop},
    {{.name = "LTRIM",
      .syntax = "key start:integer stop:integer",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Trim a list to the specified range",
      .since = "1.0.0",
      .complexity = "O(N) where N is the number of elements to be removed by the operation."},
     ltrim},
    {{.name = "LREM",
      .syntax = "key count:integer element",
      .flags = kWrite,
      .keys = one_key(kKeyRW | kKeyDelete),
      .summary = "Remove elements from a list",
      .since = "1.0.0",
      .complexity = "O(N+M) where N is the length of the list and M is the number of elements "
                    "removed."},
     lrem},
};

}  // namespace

CommandFamily<Call> list_commands() {
  return {.group = Group::kList, .commands = kCommands};
}

}  // namespace redan
