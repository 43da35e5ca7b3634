// What a command is: declared once, next to its handler, and read by everybody (dispatcher, ACL,
// routing, COMMAND INFO and DOCS, replication, clusterctl help). See style.md, section 2.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace redan {

// Flags, as COMMAND INFO names them.
enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadOnly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubSub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,  // allowed while a dataset is loaded
  kStale = 1u << 8,    // allowed on a replica whose link is down
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kAsking = 1u << 11,
  kFast = 1u << 12,
  kNoAuth = 1u << 13,  // allowed before authentication
  kMayReplicate = 1u << 14,
  kSentinelToo = 1u << 15,  // also answered by a sentinel
  kOnlySentinel = 1u << 16,
  kNoMandatoryKeys = 1u << 17,
  kProtected = 1u << 18,
  kNoAsyncLoading = 1u << 19,
  kNoMulti = 1u << 20,
  kAllowBusy = 1u << 21,
  kMovableKeys = 1u << 22,
  kTouchesKeys = 1u << 23,  // "touches-arbitrary-keys" (FLUSHALL, SWAPDB, ...)
  kSysCmd = 1u << 24,       // spoken between servers rather than by clients
};

enum class Group : uint8_t {
  kGeneric,
  kString,
  kList,
  kSet,
  kSortedSet,
  kHash,
  kPubSub,
  kTransactions,
  kConnection,
  kServer,
  kScripting,
  kHyperLogLog,
  kCluster,
  kSentinel,
  kGeo,
  kStream,
  kBitmap,
};

// What a command does with a key: the flags of COMMAND INFO's key specifications.
enum KeyFlag : uint16_t {
  kKeyRO = 1 << 0,
  kKeyRW = 1 << 1,
  kKeyOW = 1 << 2,
  kKeyRM = 1 << 3,
  kKeyAccess = 1 << 4,
  kKeyUpdate = 1 << 5,
  kKeyInsert = 1 << 6,
  kKeyDelete = 1 << 7,
  kKeyNotKey = 1 << 8,
  kKeyIncomplete = 1 << 9,
  kKeyVariable = 1 << 10,
};

// Where keys stand among the arguments: a begin (an index, or behind a keyword) and then a range
// (last, step, limit) or a counted list.
// Source: https://redis.io/docs/reference/key-specs
struct KeySpec {
  enum class Begin : uint8_t { kNone, kIndex, kKeyword, kUnknown };
  enum class Find : uint8_t { kRange, kKeyNum, kUnknown };
  uint16_t flags = 0;
  Begin begin = Begin::kNone;
  int16_t index = 0;  // kIndex: position of the first key; kKeyword: where to start looking
  std::string_view keyword = {};
  Find find = Find::kRange;
  int16_t last = 0;  // kRange: relative to the first key; negative counts from the end
  int16_t step = 1;
  int16_t limit = 0;
  int16_t count_index = 0;  // kKeyNum, relative to the begin
  int16_t first_key = 0;
  std::string_view notes = {};
};

using KeySpecs = std::array<KeySpec, 4>;

constexpr KeySpecs keys_at(int16_t first, int16_t last, int16_t step, uint16_t flags) {
  return {KeySpec{
      .flags = flags, .begin = KeySpec::Begin::kIndex, .index = first, .last = last, .step = step}};
}
constexpr KeySpecs one_key(uint16_t flags) {
  return keys_at(1, 0, 1, flags);
}

// One key among the arguments of a call: its position (0 is the command's name) and KeyFlags.
struct KeyRef {
  int position = 0;
  uint16_t flags = 0;
  friend bool operator==(const KeyRef&, const KeyRef&) = default;
};
// Finds the keys where the specs alone cannot (SORT ... STORE, MIGRATE, SET's flags).
using KeyFinder = void (*)(std::span<const std::string_view> args, std::vector<KeyRef>& keys);

struct CommandSpec {
  std::string_view name;    // upper case; a subcommand's own name ("GET" of CONFIG GET)
  std::string_view syntax;  // the arguments; see syntax.h for the notation
  uint32_t flags = 0;
  KeySpecs keys = {};
  std::string_view summary;
  std::string_view since;
  std::string_view complexity;
  // Rarer facts.
  int arity = 0;  // 0: computed from `syntax`
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  std::string_view history = {};           // "6.2.0: Added the ...\n7.0.0: ..."
  std::string_view hints = {};             // "nondeterministic_output\nrequest_policy:all_shards"
  std::string_view extra_categories = {};  // ACL categories that do not follow from the rest:
                                           // "dangerous set", "-keyspace" takes one away
  KeyFinder key_finder = nullptr;
};

}  // namespace redan
