// SORT and SORT_RO: the elements of a list, a set or a sorted set in another order.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/acl/user.h"
#include "common/command/args.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/keys/sort_order.h"
#include "server/command/keys/sort_request.h"
#include "server/session/node_control.h"
#include "server/values/hash_value.h"
#include "server/values/list_value.h"
#include "server/values/set_value.h"
#include "server/values/sorted_set_value.h"

namespace redan {
namespace {

bool can_be_sorted(ValueType type) {
  return type == ValueType::kList || type == ValueType::kSet || type == ValueType::kSortedSet;
}

// All elements; of a list or sorted set that keeps its order those that LIMIT leaves.
std::vector<SortElement> read_elements(const Entry& entry, const SortRequest& request) {
  std::vector<SortElement> elements;
  Listpack::Scratch scratch;
  if (entry.type() == ValueType::kSet) {
    elements.reserve(SetView(entry).size());
    SetView(entry).for_each([&](const SetView::Member& member) {
      elements.push_back({.text = std::string(member.view(scratch))});
    });
    return elements;
  }
  const bool is_list = entry.type() == ValueType::kList;
  const size_t size = is_list ? ListView(entry).size() : SortedSetView(entry).size();
  const bool keeps = request.keeps_order();
  const SortWindow window = keeps ? window_of(request, size) : SortWindow{0, size};
  if (window.size() == 0) return elements;
  elements.reserve(window.size());
  const bool down = keeps && request.descending;
  const size_t first = down ? size - 1 - window.first : window.first;
  if (is_list) {
    ListView(entry).for_each(first, window.size(), down ? ListEnd::kHead : ListEnd::kTail,
                             [&](const ListView::Element& element) {
                               elements.push_back({.text = std::string(element.view(scratch))});
                               return true;
                             });
  } else {
    SortedSetView(entry).for_each(first, window.size(), down ? Direction::kDown : Direction::kUp,
                                  [&](const SortedSetMember& member) {
                                    elements.push_back({.text = std::string(member.name(scratch))});
                                  });
  }
  return elements;
}

// Cuts off what LIMIT leaves out.
void apply_limit(std::vector<SortElement>& elements, const SortRequest& request) {
  const SortWindow window = window_of(request, elements.size());
  elements.resize(window.end);
  elements.erase(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(window.first));
}

// What a pattern names for an element; nullopt: there is no such key or field, or of another type.
std::optional<std::string> look_up(Call& call, const SortPattern& pattern,
                                   const std::string& element) {
  if (pattern.is_element()) return element;
  if (!pattern.names_keys()) return std::nullopt;
  const Entry* const entry = call.keyspace().read(call.db(), pattern.key_for(element));
  if (entry == nullptr) return std::nullopt;
  if (!pattern.field()) {
    if (!entry->is_string()) return std::nullopt;
    Entry::Scratch scratch;
    return std::string(entry->string(scratch));
  }
  if (entry->type() != ValueType::kHash) return std::nullopt;
  const HashView hash(*entry, call.keyspace().field_horizon_ms());
  const auto value = hash.find(*pattern.field());
  if (!value) return std::nullopt;
  Listpack::Scratch scratch;
  return std::string(value->view(scratch));
}

// As C's strtod reads a whole string, which ends at its first zero byte; an empty one is 0.
std::optional<double> number_of(const std::string& text) {
  // Nearly all are integers that a double holds.
  constexpr size_t kExactDigits = 15;
  if (text.size() <= kExactDigits) {
    if (const auto integer = parse_int64(text)) return static_cast<double>(*integer);
  }
  char* end = nullptr;
  errno = 0;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0' || errno == ERANGE || std::isnan(number)) return std::nullopt;
  return number;
}

// Finds what each element is compared by.
Result<void> weigh(Call& call, const SortRequest& request, std::vector<SortElement>& elements) {
  if (request.alpha && !request.by) return kOk;  // By themselves.
  for (SortElement& element : elements) {
    std::optional<std::string> weight;
    if (request.by) weight = look_up(call, *request.by, element.text);
    if (request.alpha) {
      element.weight = std::move(weight);
      continue;
    }
    if (request.by && !weight) continue;
    const std::optional<double> number = number_of(request.by ? *weight : element.text);
    if (!number) return Error("One or more scores can't be converted into double");
    element.number = *number;
  }
  return kOk;
}

// What is answered or stored: the elements, or what the GET patterns say of each.
std::vector<std::optional<std::string>> results_of(Call& call, const SortRequest& request,
                                                   std::vector<SortElement>& elements) {
  std::vector<std::optional<std::string>> results;
  results.reserve(elements.size() * std::max<size_t>(1, request.gets.size()));
  for (SortElement& element : elements) {
    if (request.gets.empty()) results.emplace_back(std::move(element.text));
    for (const SortPattern& pattern : request.gets) {
      results.push_back(look_up(call, pattern, element.text));
    }
  }
  return results;
}

// A list in the place of whatever is there; no results leave nothing. Replicas get the list: what
// looked equal is in an order that they need not have.
void store(Call& call, std::string_view target,
           const std::vector<std::optional<std::string>>& results) {
  call.propagate_as({"DEL", target});
  if (results.empty()) {
    const bool was_there =
        call.keyspace().erase(call.db(), target, free_by(call.config().lazyfree_lazy_server_del));
    if (was_there) call.notify(KeyspaceEvents::kGeneric, "del", target);
    return;
  }
  std::vector<std::string_view> push = {"RPUSH", target};
  push.reserve(push.size() + results.size());
  auto list = std::make_unique<LargeList>(list_limits(call.keyspace().limits()));
  for (const auto& result : results) {
    push.push_back(result ? std::string_view(*result) : "");
    list->push(ListEnd::kTail, push.back());
  }
  call.keyspace().set_value(call.db(), target, stored(std::move(list)));
  call.keyspace().add_dirty(results.size() - 1);
  call.notify(KeyspaceEvents::kList, "sortstore", target);
  call.propagate_as(push);
}

// Keys that patterns name are not among the words that the user's rules were asked about.
bool reads_every_key(Call& call) {
  const Session& session = call.session();
  if (session.unlimited || session.user == nullptr) return true;
  acl::Touched touched;
  touched.read(call.entry(), call.args());
  return session.user->reads_every_key(call.entry(), touched);
}

Result<void> sort_value(Call& call, bool may_store) {
  Result<SortRequest> request =
      read_sort(ArgReader(call.args(), 2), {.may_store = may_store,
                                            .in_cluster = call.keyspace().has_slots(),
                                            .reads_every_key = reads_every_key(call)});
  if (!request) return request.error();
  const Entry* entry = call.keyspace().read(call.db(), call.arg(1));
  if (entry != nullptr && !can_be_sorted(entry->type())) return wrong_type();
  std::vector<SortElement> elements;
  if (entry != nullptr) {
    // A set has no order that could be kept, and what is stored should be the same each time.
    if (entry->type() == ValueType::kSet && request->keeps_order() && request->target) {
      request->by.reset();
      request->alpha = true;
    }
    elements = read_elements(*entry, *request);
    if (!request->keeps_order()) {
      const Result<void> weighed = weigh(call, *request, elements);
      if (!weighed) return weighed;
      elements = sorted_window(std::move(elements), *request, call.server().control.collation());
    } else if (entry->type() == ValueType::kSet) {
      apply_limit(elements, *request);
    }
  }
  if (request->gets.empty() && !request->target) {
    call.reply().array(elements.size());
    for (const SortElement& element : elements) call.reply().bulk(element.text);
    return kOk;
  }
  const auto results = results_of(call, *request, elements);
  if (request->target) {
    store(call, *request->target, results);
    call.reply().integer(static_cast<int64_t>(results.size()));
    return kOk;
  }
  call.reply().array(results.size());
  for (const auto& result : results) result ? call.reply().bulk(*result) : call.reply().null();
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
