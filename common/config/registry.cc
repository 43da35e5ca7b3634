#include "common/config/registry.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/glob.h"
#include "common/base/parse.h"

namespace redan {
namespace {

bool has_wildcard(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

// Single insertions, deletions, changes and swaps of neighbours between two short words.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min(
          {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

Words words_of(const Option& option, std::string_view value) {
  if (!option.field.many_words() || value.empty()) return {std::string(value)};
  Words words;
  for (const std::string_view word : split(value, ' ')) words.emplace_back(word);
  return words;
}

Error set_failed(std::string_view name, std::string_view reason) {
  return Error(
      fmt::format("CONFIG SET failed (possibly related to argument '{}') - {}", name, reason));
}

}  // namespace

OptionList join_options(std::initializer_list<std::span<const Option>> tables) {
  OptionList all;
  for (const auto& table : tables) {
    for (const Option& option : table) all.push_back(&option);
  }
  return all;
}

void set_fallback(const Option& option, void* config) {
  option.field.clear(config);
  if (option.fallback.empty()) return;
  const Words words = words_of(option, option.fallback);
  const Result<void> read = option.field.read(option, config, {words});
  if (!read)
    check_failed("a fallback is a valid value", std::string(option.name), __FILE__, __LINE__);
}

Registry::Registry(void* config, const std::type_info& type, OptionList options)
    : config_(config), options_(std::move(options)) {
  for (const Option* option : options_) {
    REDAN_CHECK(option->field.belongs_to(type));
    bool fresh = by_name_.emplace(to_lower(option->name), option).second;
    REDAN_CHECK(fresh);
    if (option->alias.empty()) continue;
    fresh = by_name_.emplace(to_lower(option->alias), option).second;
    REDAN_CHECK(fresh);
  }
}

const Option* Registry::find(std::string_view name) const {
  const auto found = by_name_.find(to_lower(name));
  return found == by_name_.end() ? nullptr : found->second;
}

std::string_view Registry::nearest(std::string_view name) const {
  if (name.size() > 64) return {};
  const std::string lower = to_lower(name);
  // A third of the letters may be wrong: more is another word.
  size_t best = std::max<size_t>(2, lower.size() / 3) + 1;
  std::string_view nearest;
  for (const auto& [known, option] : by_name_) {
    const size_t distance = edit_distance(lower, known);
    if (distance < best && !option->hidden) {
      best = distance;
      nearest = known;
    }
  }
  return nearest;
}

void Registry::reset() {
  for (const Option* option : options_) set_fallback(*option, config_);
}

Registry::Checkpoint Registry::checkpoint() const {
  Checkpoint values;
  for (const Option* option : options_) values.push_back(option->field.copy(config_));
  return values;
}

void Registry::restore(const Checkpoint& checkpoint) {
  REDAN_CHECK(checkpoint.size() == options_.size());
  for (size_t i = 0; i < options_.size(); ++i) {
    options_[i]->field.restore(config_, checkpoint[i]);
  }
}

bool Registry::at_fallback(const Option& option) const {
  const Field::Copy now = option.field.copy(config_);
  const std::vector<std::string> value = lines(option);
  set_fallback(option, config_);
  const bool same = lines(option) == value;
  option.field.restore(config_, now);
  return same;
}

std::vector<std::pair<std::string, std::string>> Registry::get(
    std::span<const std::string_view> patterns) const {
  std::vector<std::pair<std::string, std::string>> out;
  std::set<std::string, std::less<>> seen;
  auto add = [&](std::string_view shown, const Option& option) {
    if (option.change == Change::kFileOnly || !seen.insert(to_lower(shown)).second) return;
    out.emplace_back(shown, value(option));
  };
  for (const std::string_view pattern : patterns) {
    if (!has_wildcard(pattern)) {
      if (const Option* option = find(pattern)) add(pattern, *option);
      continue;
    }
    for (const auto& [name, option] : by_name_) {
      if (!option->hidden && glob_match(pattern, name, Case::kInsensitive)) add(name, *option);
    }
  }
  return out;
}

Result<const Option*> Registry::settable(std::string_view name, const Rights& rights) const {
  const Option* option = find(name);
  if (option == nullptr || option->change == Change::kFileOnly) {
    return Error(fmt::format("Unknown option or number of arguments for CONFIG SET - '{}'", name));
  }
  if (option->change == Change::kImmutable) return set_failed(name, "can't set immutable config");
  if (option->change == Change::kProtected && !rights.may_set_protected) {
    return set_failed(name, "can't set protected config");
  }
  return option;
}

Result<void> Registry::set(std::span<const std::string_view> names_and_values,
                           const Rights& rights) {
  if (names_and_values.empty() || names_and_values.size() % 2 != 0) {
    return Error("wrong number of arguments for 'config|set' command");
  }
  std::vector<Pending> all;
  std::set<std::string, std::less<>> names;
  for (size_t i = 0; i < names_and_values.size(); i += 2) {
    const std::string_view name = names_and_values[i];
    Result<const Option*> option = settable(name, rights);
    if (!option) return option.error();
    // A name and its alias are two names: the later wins, as in Redis.
    if (!names.insert(to_lower(name)).second) return set_failed(name, "duplicate parameter");
    if ((*option)->denied_while_loading && rights.loading) {
      return Error("LOADING", fmt::format("Failed to set the specified '{}' config when loading "
                                          "dataset.",
                                          name));
    }
    all.push_back({*option, name, names_and_values[i + 1], {}, false});
  }

  std::vector<Pending> done;
  for (Pending& change : all) {
    const Option& option = *change.option;
    change.before = option.field.copy(config_);
    const std::vector<std::string> old = lines(option);
    const Words words = words_of(option, change.value);
    if (Result<void> read = option.field.read(option, config_, {words}); !read) {
      roll_back(done);
      return set_failed(change.given_name, read.error().message());
    }
    change.changed = lines(option) != old;
    done.push_back(change);
  }

  for (size_t i = 0; i < hooks_.size(); ++i) {
    const Pending* reason = nullptr;
    for (const Pending& change : done) {
      const OptionList& watched = hooks_[i].options;
      const bool hit = std::find(watched.begin(), watched.end(), change.option) != watched.end();
      if (hit && change.changed && reason == nullptr) reason = &change;
    }
    if (reason == nullptr) continue;
    if (Result<void> applied = hooks_[i].apply(); !applied) {
      const Error error = set_failed(reason->given_name, applied.error().message());
      roll_back(done);
      // What had been applied is applied again with the old values, the refusing hook included: it
      // may have gone half of the way. An error now has nowhere to go; the first one is reported.
      for (size_t j = 0; j <= i; ++j) {
        const bool ran = std::any_of(done.begin(), done.end(), [&](const Pending& change) {
          const OptionList& watched = hooks_[j].options;
          return change.changed &&
                 std::find(watched.begin(), watched.end(), change.option) != watched.end();
        });
        if (ran) (void)hooks_[j].apply();
      }
      return error;
    }
  }
  return kOk;
}

void Registry::roll_back(const std::vector<Pending>& done) {
  for (auto change = done.rbegin(); change != done.rend(); ++change) {
    change->option->field.restore(config_, change->before);
  }
}

Result<void> Registry::load_line(std::span<const std::string> words) {
  REDAN_CHECK(!words.empty());
  const Option* option = find(words[0]);
  if (option == nullptr) return Error("Bad directive or wrong number of arguments");
  // Many words may come as one: `--save "3600 1"` is `save 3600 1`.
  const Words one = words.size() == 2 ? words_of(*option, words[1]) : Words{};
  const Line line{.words = words.size() == 2 ? one : words.subspan(1),
                  .first = !loaded_.contains(option)};
  if (Result<void> read = option->field.read(*option, config_, line); !read) return read;
  loaded_.insert(option);
  return kOk;
}

void Registry::on_change(std::initializer_list<std::string_view> names, Apply apply) {
  Hook hook{{}, std::move(apply)};
  for (const std::string_view name : names) {
    const Option* option = find(name);
    REDAN_CHECK(option != nullptr);
    hook.options.push_back(option);
  }
  hooks_.push_back(std::move(hook));
}

}  // namespace redan
