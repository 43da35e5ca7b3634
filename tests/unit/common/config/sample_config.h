// A small config struct with every kind of option, for the tests of this folder.
#pragma once

#include <map>
#include <string>

#include "common/config/file.h"
#include "common/config/registry.h"
#include "common/config/value.h"

namespace redan {

enum class Colour : uint8_t { kRed, kBlue };
template <>
struct EnumNames<Colour> {
  static constexpr std::pair<std::string_view, Colour> kTable[] = {{"red", Colour::kRed},
                                                                   {"blue", Colour::kBlue}};
};

struct SampleConfig {
  int64_t port = 0;
  int64_t memory = 0;
  int64_t share = 0;
  int64_t mode = 0;
  bool quiet = false;
  std::string name;
  Words bind;
  Colour colour = Colour::kRed;
  LineList alias;
  std::string dir;
  std::string hidden;
};

inline const char* no_slash(std::string_view text) {
  return text.find('/') == std::string_view::npos ? nullptr : "no slash, please";
}

inline const Option kSampleOptions[] = {
    {.name = "port",
     .field = &SampleConfig::port,
     .fallback = "6379",
     .range = {.min = 0, .max = 65535},
     .doc = "Port."},
    {.name = "max-memory",
     .alias = "old-memory",
     .field = &SampleConfig::memory,
     .fallback = "1mb",
     .range = {.min = 1024},
     .unit = Unit::kBytes,
     .doc = "Bytes."},
    {.name = "share",
     .field = &SampleConfig::share,
     .fallback = "0",
     .range = {.min = -100},
     .unit = Unit::kBytesOrPercent,
     .doc = "Bytes or percent."},
    {.name = "mode",
     .field = &SampleConfig::mode,
     .fallback = "0",
     .range = {.max = 0777},
     .unit = Unit::kOctal,
     .change = Change::kImmutable,
     .doc = "Octal."},
    {.name = "quiet", .field = &SampleConfig::quiet, .fallback = "no", .doc = "Flag."},
    {.name = "name", .field = &SampleConfig::name, .refuse = no_slash, .doc = "Text."},
    {.name = "bind",
     .field = &SampleConfig::bind,
     .fallback = "* -::*",
     .range = {.max = 3},
     .doc = "Words."},
    {.name = "colour", .field = &SampleConfig::colour, .fallback = "blue", .doc = "Enum."},
    {.name = "alias",
     .field = &SampleConfig::alias,
     .range = {.min = 2, .max = 2},
     .change = Change::kFileOnly,
     .doc = "Lines."},
    {.name = "dir",
     .field = &SampleConfig::dir,
     .change = Change::kProtected,
     .denied_while_loading = true,
     .doc = "Protected."},
    {.name = "hidden", .field = &SampleConfig::hidden, .hidden = true, .doc = "Hidden."},
};

struct Sample {
  SampleConfig config;
  Registry registry{config, join_options({kSampleOptions})};
  Sample() { registry.reset(); }
};

// Files that exist only in the test.
struct FakeFiles : FileSource {
  std::map<std::string, std::string> content;
  Result<std::string> read(const std::string& path) override {
    const auto file = content.find(path);
    if (file == content.end()) return Error("can't open config file '" + path + "'");
    return file->second;
  }
  std::vector<std::string> match(const std::string& pattern) override {
    if (!pattern.ends_with('*')) return {pattern};
    std::vector<std::string> paths;
    for (const auto& [path, text] : content) {
      if (path.starts_with(pattern.substr(0, pattern.size() - 1))) paths.push_back(path);
    }
    return paths;
  }
};

}  // namespace redan
