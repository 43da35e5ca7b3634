#include "common/command/keys.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {
namespace {

// Where a spec begins to look; 0 where its keyword is absent. A negative start looks backwards
// from the end.
int begin_of(const KeySpec& spec, std::span<const std::string_view> args) {
  const int count = static_cast<int>(args.size());
  if (spec.begin == KeySpec::Begin::kIndex) return spec.index < count ? spec.index : 0;
  const int step = spec.index < 0 ? -1 : 1;
  for (int i = spec.index < 0 ? count + spec.index : spec.index; i > 0 && i < count; i += step) {
    if (iequals(args[static_cast<size_t>(i)], spec.keyword)) return i + 1 < count ? i + 1 : 0;
  }
  return 0;
}

bool add_range(int first, int last, int step, uint16_t flags, size_t words,
               std::vector<KeyRef>& keys) {
  if (step < 1 || last >= static_cast<int>(words)) return false;
  for (int i = first; i <= last; i += step) keys.push_back({.position = i, .flags = flags});
  return true;
}

// `least`: how many keys a call must name.
bool add_keys(const KeySpec& spec, int least, std::span<const std::string_view> args,
              std::vector<KeyRef>& keys) {
  const int count = static_cast<int>(args.size());
  const int begin = begin_of(spec, args);
  if (begin == 0) return true;  // An optional keyword that is not there.
  if (spec.find == KeySpec::Find::kRange) {
    int last = spec.last >= 0 ? begin + spec.last : count + spec.last;
    if (spec.last < 0 && spec.limit > 1) last = begin + (count - begin) / spec.limit + spec.last;
    return add_range(begin, last, spec.step, spec.flags, args.size(), keys);
  }
  const int number_at = begin + spec.count_index;
  if (number_at >= count) return false;
  const auto number = parse_int64(args[static_cast<size_t>(number_at)]);
  if (!number || *number < least || *number > count) return false;
  const int first = begin + spec.first_key;
  const int last = first + (static_cast<int>(*number) - 1) * spec.step;
  return add_range(first, last, spec.step, spec.flags, args.size(), keys);
}

}  // namespace

std::span<const KeySpec> key_specs(const CommandSpec& spec) {
  const auto end = std::find_if(spec.keys.begin(), spec.keys.end(), [](const KeySpec& key) {
    return key.begin == KeySpec::Begin::kNone;
  });
  return {spec.keys.data(), static_cast<size_t>(end - spec.keys.begin())};
}

bool find_keys(const CommandSpec& spec, std::span<const std::string_view> args,
               std::vector<KeyRef>& keys) {
  keys.clear();
  if (spec.key_finder != nullptr) {
    spec.key_finder(args, keys);
    return true;
  }
  const int least = (spec.flags & kNoMandatoryKeys) != 0 ? 0 : 1;
  for (const KeySpec& key : key_specs(spec)) {
    if (key.begin == KeySpec::Begin::kUnknown || (key.flags & kKeyNotKey) != 0) continue;
    if (!add_keys(key, least, args, keys)) return false;
  }
  return true;
}

KeyRange legacy_range(const CommandSpec& spec) {
  KeyRange range;
  for (const KeySpec& key : key_specs(spec)) {
    if (key.begin != KeySpec::Begin::kIndex || key.find != KeySpec::Find::kRange) {
      range.movable = true;
      continue;
    }
    const int last = key.last >= 0 ? key.index + key.last : key.last;
    if (range.first == 0) {
      range = {.first = key.index, .last = last, .step = key.step, .movable = range.movable};
    } else if (range.last == key.index - 1 && key.step == range.step) {
      range.last = last;  // Specs side by side: RENAME's two keys.
    }
  }
  return range;
}

}  // namespace redan
