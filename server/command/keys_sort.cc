// SORT and SORT_RO: the elements of a list, a set or a sorted set in another order.
#include <string_view>
#include <vector>

#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"

namespace redan {
namespace {

// What a request asks for. BY, GET, LIMIT and the order matter once there are elements to sort; a
// missing key and a value of a type without elements need only the words to be right.
struct SortRequest {
  std::string_view store;
  bool stores = false;
};

// In a cluster the keys that patterns name may be anywhere.
Result<SortRequest> read_sort(ArgReader words, bool may_store, bool in_cluster) {
  SortRequest request;
  while (words.more()) {
    if (words.match("ASC") || words.match("DESC") || words.match("ALPHA")) continue;
    if (words.match_with("LIMIT", 2)) {
      const Result<int64_t> offset = words.integer();
      if (!offset) return offset.error();
      const Result<int64_t> count = words.integer();
      if (!count) return count.error();
    } else if (words.match_with("BY", 1)) {
      const bool names_keys = words.next().find('*') != std::string_view::npos;
      if (in_cluster && names_keys) return Error("BY option of SORT denied in cluster mode.");
    } else if (words.match_with("GET", 1)) {
      words.next();
      if (in_cluster) return Error("GET option of SORT denied in cluster mode.");
    } else if (may_store && words.match_with("STORE", 1)) {
      request.store = words.next();
      request.stores = true;
    } else {
      return syntax_error();
    }
  }
  return request;
}

Result<void> sort_value(Call& call, bool may_store) {
  const Result<SortRequest> request =
      read_sort(ArgReader(call.args(), 2), may_store, call.keyspace().has_slots());
  if (!request) return request.error();
  const Entry* entry = call.keyspace().read(call.db(), call.arg(1));
  if (entry != nullptr) return wrong_type();
  if (!request->stores) {
    call.reply().array(0);
    return kOk;
  }
  // Storing nothing leaves nothing.
  if (call.keyspace().peek(call.db(), request->store) != nullptr) {
    call.keyspace().erase(call.db(), request->store,
                          free_by(call.config().lazyfree_lazy_server_del));
    call.notify(KeyspaceEvents::kGeneric, "del", request->store);
    call.propagate_as({"DEL", request->store});
  }
  call.reply().integer(0);
  return kOk;
}

Result<void> sort(Call& call) {
  return sort_value(call, true);
}

Result<void> sort_ro(Call& call) {
  return sort_value(call, false);
}

// The key, and the last STORE's destination. Patterns of BY and GET name keys that depend on the
// data.
void sort_keys(std::span<const std::string_view> args, std::vector<KeyRef>& keys) {
  keys.push_back({.position = 1, .flags = kKeyRO | kKeyAccess});
  int store = 0;
  for (size_t i = 2; i < args.size(); ++i) {
    if (iequals(args[i], "LIMIT")) {
      i += 2;
    } else if (iequals(args[i], "BY") || iequals(args[i], "GET")) {
      i += 1;
    } else if (iequals(args[i], "STORE") && i + 1 < args.size()) {
      store = static_cast<int>(++i);
    }
  }
  if (store != 0) keys.push_back({.position = store, .flags = kKeyOW | kKeyUpdate});
}

constexpr Command<Call> kCommands[] = {
    {{.name = "SORT",
      .syntax = "key [BY pattern#1] [LIMIT (offset:integer count:integer)] [GET pattern#1 [GET "
                "pattern ...]] [order: ASC|DESC] [sorting: ALPHA] [STORE destination:key]",
      .flags = kWrite | kDenyOom,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kUnknown,
                       .find = KeySpec::Find::kUnknown,
                       .notes = "For the optional BY/GET keyword. It is marked 'unknown' because "
                                "the key names derive from the content of the key we sort"},
               KeySpec{.flags = kKeyOW | kKeyUpdate,
                       .begin = KeySpec::Begin::kUnknown,
                       .find = KeySpec::Find::kUnknown,
                       .notes = "For the optional STORE keyword. It is marked 'unknown' because "
                                "the keyword can appear anywhere in the argument array"}},
      .summary = "Sort the elements in a list, set or sorted set",
      .since = "1.0.0",
      .complexity =
          "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the "
          "number of returned elements. When the elements are not sorted, complexity is O(N).",
      .extra_categories = "-keyspace dangerous list set sortedset",
      .key_finder = sort_keys},
     sort},
    {{.name = "SORT_RO",
      .syntax = "key [BY pattern#1] [LIMIT (offset:integer count:integer)] [GET pattern#1 [GET "
                "pattern ...]] [order: ASC|DESC] [sorting: ALPHA]",
      .flags = kReadOnly,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess, .begin = KeySpec::Begin::kIndex, .index = 1},
               KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kUnknown,
                       .find = KeySpec::Find::kUnknown,
                       .notes = "For the optional BY/GET keyword. It is marked 'unknown' because "
                                "the key names derive from the content of the key we sort"}},
      .summary = "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
      .since = "7.0.0",
      .complexity =
          "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the "
          "number of returned elements. When the elements are not sorted, complexity is O(N).",
      .extra_categories = "-keyspace dangerous list set sortedset",
      .key_finder = sort_keys},
     sort_ro},
};

}  // namespace

CommandFamily<Call> sort_commands() {
  return {.group = Group::kGeneric, .commands = kCommands};
}

}  // namespace redan
