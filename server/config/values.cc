#include "server/config/values.h"

#include <fmt/core.h>

#include <algorithm>

#include "common/base/double_text.h"
#include "common/base/parse.h"

namespace redan {
namespace {

using value_detail::line_of_number;
using value_detail::quote_words;
using value_detail::wrong_count;

bool is_empty(const Line& line) {
  return line.words.empty() || (line.words.size() == 1 && line.words[0].empty());
}

std::string bytes_text(int64_t bytes) {
  static const Option kBytesOption{.field = &ServerConfig::maxmemory, .unit = Unit::kBytes};
  return line_of_number(kBytesOption, bytes);
}

constexpr std::pair<char, KeyspaceEvents::Class> kEventLetters[] = {
    {'g', KeyspaceEvents::kGeneric},  {'$', KeyspaceEvents::kString},
    {'l', KeyspaceEvents::kList},     {'s', KeyspaceEvents::kSet},
    {'h', KeyspaceEvents::kHash},     {'z', KeyspaceEvents::kZset},
    {'x', KeyspaceEvents::kExpired},  {'e', KeyspaceEvents::kEvicted},
    {'t', KeyspaceEvents::kStream},   {'d', KeyspaceEvents::kModule},
    {'K', KeyspaceEvents::kKeyspace}, {'E', KeyspaceEvents::kKeyevent},
    {'m', KeyspaceEvents::kKeyMiss},  {'n', KeyspaceEvents::kNew},
};

struct ShutdownWord {
  std::string_view name;
  bool ShutdownFlags::*flag;
};
constexpr ShutdownWord kShutdownWords[] = {{"save", &ShutdownFlags::save},
                                           {"nosave", &ShutdownFlags::nosave},
                                           {"now", &ShutdownFlags::now},
                                           {"force", &ShutdownFlags::force}};

}  // namespace

Result<void> Value<SavePoints>::read(const Option&, const Line& line, SavePoints& value) {
  if (is_empty(line)) {
    value.clear();
    return kOk;
  }
  if (line.words.size() % 2 != 0) return Error("Invalid save parameters");
  SavePoints points = line.first ? SavePoints() : value;
  for (size_t i = 0; i < line.words.size(); i += 2) {
    const auto seconds = parse_int64(line.words[i]);
    const auto changes = parse_int64(line.words[i + 1]);
    if (!seconds || !changes || *seconds < 1 || *changes < 0) {
      return Error("Invalid save parameters");
    }
    points.push_back({*seconds, *changes});
  }
  value = std::move(points);
  return kOk;
}

std::string Value<SavePoints>::write(const Option&, const SavePoints& value) {
  std::string out;
  for (const SavePoint& point : value) {
    out += fmt::format("{}{} {}", out.empty() ? "" : " ", point.seconds, point.changes);
  }
  return out;
}

std::vector<std::string> Value<SavePoints>::lines(const Option& option, const SavePoints& value) {
  if (value.empty()) return {"\"\""};
  std::vector<std::string> out;
  for (const SavePoint& point : value) out.push_back(write(option, {point}));
  return out;
}

Result<void> Value<OutputBufferLimits>::read(const Option&, const Line& line,
                                             OutputBufferLimits& value) {
  if (line.words.empty() || line.words.size() % 4 != 0) {
    return Error("Wrong number of arguments in buffer limit configuration.");
  }
  OutputBufferLimits limits = value;
  for (size_t i = 0; i < line.words.size(); i += 4) {
    const std::string name = to_lower(line.words[i]);
    OutputBufferLimit* limit = nullptr;
    if (name == "normal") limit = &limits.normal;
    if (name == "replica" || name == "slave") limit = &limits.replica;
    if (name == "pubsub") limit = &limits.pubsub;
    if (limit == nullptr) {
      return Error("Invalid client class specified in buffer limit configuration.");
    }
    const auto hard = parse_memory(line.words[i + 1]);
    const auto soft = parse_memory(line.words[i + 2]);
    const auto seconds = parse_int64(line.words[i + 3]);
    if (!hard || !soft || !seconds || *hard < 0 || *soft < 0 || *seconds < 0) {
      return Error("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    *limit = {*hard, *soft, *seconds};
  }
  value = limits;
  return kOk;
}

std::string Value<OutputBufferLimits>::write(const Option&, const OutputBufferLimits& value) {
  auto one = [](std::string_view name, const OutputBufferLimit& limit) {
    return fmt::format("{} {} {} {}", name, limit.hard_bytes, limit.soft_bytes, limit.soft_seconds);
  };
  // CONFIG GET keeps the older word for replicas: tools compare it.
  return one("normal", value.normal) + " " + one("slave", value.replica) + " " +
         one("pubsub", value.pubsub);
}

std::vector<std::string> Value<OutputBufferLimits>::lines(const Option&,
                                                          const OutputBufferLimits& value) {
  auto one = [](std::string_view name, const OutputBufferLimit& limit) {
    return fmt::format("{} {} {} {}", name, bytes_text(limit.hard_bytes),
                       bytes_text(limit.soft_bytes), limit.soft_seconds);
  };
  return {one("normal", value.normal), one("replica", value.replica), one("pubsub", value.pubsub)};
}

Result<void> Value<ShutdownFlags>::read(const Option&, const Line& line, ShutdownFlags& value) {
  ShutdownFlags flags;
  bool known = !line.words.empty();
  for (const std::string& text : line.words) {
    const auto* word = std::find_if(std::begin(kShutdownWords), std::end(kShutdownWords),
                                    [&](const ShutdownWord& w) { return iequals(w.name, text); });
    if (word != std::end(kShutdownWords)) {
      flags.*word->flag = true;
    } else if (!iequals(text, "default")) {
      known = false;
    }
  }
  if (!known) return value_detail::not_one_of({"default", "save", "nosave", "now", "force"});
  if (flags.save && flags.nosave) {
    return Error("shutdown options SAVE and NOSAVE can't be used simultaneously");
  }
  value = flags;
  return kOk;
}

std::string Value<ShutdownFlags>::write(const Option&, const ShutdownFlags& value) {
  std::string out;
  for (const auto& [name, flag] : kShutdownWords) {
    if (value.*flag) out += (out.empty() ? "" : " ") + std::string(name);
  }
  return out.empty() ? "default" : out;
}

std::vector<std::string> Value<ShutdownFlags>::lines(const Option& option,
                                                     const ShutdownFlags& value) {
  return {write(option, value)};
}

Result<void> Value<PrimaryAddress>::read(const Option&, const Line& line, PrimaryAddress& value) {
  if (line.words.size() != 2) return wrong_count();
  if (iequals(line.words[0], "no") && iequals(line.words[1], "one")) {
    value = {};
    return kOk;
  }
  const auto port = parse_int64(line.words[1]);
  if (!port || *port < 0 || *port > 65535 || line.words[0].empty()) {
    return Error("Invalid master port");
  }
  value = {line.words[0], *port};
  return kOk;
}

std::string Value<PrimaryAddress>::write(const Option&, const PrimaryAddress& value) {
  return value.host.empty() ? "" : fmt::format("{} {}", value.host, value.port);
}

std::vector<std::string> Value<PrimaryAddress>::lines(const Option&, const PrimaryAddress& value) {
  if (value.host.empty()) return {"no one"};
  return {quote_words({value.host, std::to_string(value.port)})};
}

Result<void> Value<UserLines>::read(const Option&, const Line& line, UserLines& value) {
  if (line.words.empty()) return Error("Bad directive or wrong number of arguments");
  for (const Words& known : value.lines) {
    if (known[0] == line.words[0]) {
      return Error(
          fmt::format("Error in user declaration '{}': Duplicate user found. A user can "
                      "only be defined once in config files",
                      line.words[0]));
    }
  }
  value.lines.emplace_back(line.words.begin(), line.words.end());
  return kOk;
}

std::vector<std::string> Value<UserLines>::lines(const Option&, const UserLines& value) {
  std::vector<std::string> out;
  for (const Words& words : value.lines) out.push_back(quote_words(words));
  return out;
}

std::string Value<UserLines>::write(const Option& option, const UserLines& value) {
  std::string out;
  for (const std::string& line : lines(option, value)) out += (out.empty() ? "" : "\n") + line;
  return out;
}

Result<void> Value<OomScoreValues>::read(const Option&, const Line& line, OomScoreValues& value) {
  if (line.words.size() != 3) return wrong_count();
  int64_t scores[3];
  for (size_t i = 0; i < 3; ++i) {
    const auto score = parse_int64(line.words[i]);
    if (!score || *score < -2000 || *score > 2000) {
      return Error("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    scores[i] = *score;
  }
  value = {scores[0], scores[1], scores[2]};
  return kOk;
}

std::string Value<OomScoreValues>::write(const Option&, const OomScoreValues& value) {
  return fmt::format("{} {} {}", value.primary, value.replica, value.background);
}

std::vector<std::string> Value<OomScoreValues>::lines(const Option& option,
                                                      const OomScoreValues& value) {
  return {write(option, value)};
}

Result<void> Value<Percentiles>::read(const Option&, const Line& line, Percentiles& value) {
  Percentiles read;
  for (const std::string& word : line.words) {
    if (is_empty(line)) break;
    const auto percent = parse_double(word);
    if (!percent) return Error("Invalid latency-tracking-info-percentiles parameters");
    if (*percent < 0 || *percent > 100) {
      return Error("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    }
    read.push_back(*percent);
  }
  value = std::move(read);
  return kOk;
}

std::string Value<Percentiles>::write(const Option&, const Percentiles& value) {
  std::string out;
  for (const double percent : value) out += fmt::format("{}{}", out.empty() ? "" : " ", percent);
  return out;
}

std::vector<std::string> Value<Percentiles>::lines(const Option& option, const Percentiles& value) {
  return {value.empty() ? "\"\"" : write(option, value)};
}

Result<void> Value<KeyspaceEvents>::read(const Option&, const Line& line, KeyspaceEvents& value) {
  if (line.words.size() != 1) return wrong_count();
  KeyspaceEvents events;
  for (const char c : line.words[0]) {
    const auto* letter = std::find_if(std::begin(kEventLetters), std::end(kEventLetters),
                                      [c](const auto& entry) { return entry.first == c; });
    if (c == 'A') {
      events.classes |= KeyspaceEvents::kAll;
    } else if (letter != std::end(kEventLetters)) {
      events.classes |= letter->second;
    } else {
      return Error("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
  }
  value = events;
  return kOk;
}

std::string Value<KeyspaceEvents>::write(const Option&, const KeyspaceEvents& value) {
  const bool all = (value.classes & KeyspaceEvents::kAll) == KeyspaceEvents::kAll;
  std::string out = all ? "A" : "";
  for (const auto& [letter, bit] : kEventLetters) {
    if (value.has(bit) && !(all && (KeyspaceEvents::kAll & bit) != 0)) out += letter;
  }
  return out;
}

std::vector<std::string> Value<KeyspaceEvents>::lines(const Option& option,
                                                      const KeyspaceEvents& value) {
  return {value_detail::quote_if_needed(write(option, value))};
}

}  // namespace redan
