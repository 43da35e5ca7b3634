// An option, declared once; the command line, the file, CONFIG GET/SET/REWRITE and the sample
// configuration follow from it:
//   const Option kReplicationOptions[] = {
//       {.name = "repl-timeout", .field = &ServerConfig::repl_timeout, .fallback = "60",
//        .range = {.min = 1, .max = kIntMax},
//        .doc = "Seconds of silence after which a replication link counts as broken."},
//   };
// Options of any config struct look alike to the registry: a Field remembers the member and how its
// type is read and written (value.h; a struct of your own joins by specialising Value<T>).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "common/base/result.h"

namespace redan {

struct Option;
using Words = std::vector<std::string>;

inline constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
inline constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

struct Range {
  int64_t min = 0;
  int64_t max = kInt64Max;
};

// How a number is written.
enum class Unit : uint8_t { kNone, kBytes /* 64mb */, kBytesOrPercent /* 5% is -5 */, kOctal };

enum class Change : uint8_t {
  kAtRuntime,
  kImmutable,  // only at start
  kProtected,  // at run time only with enable-protected-configs
  kFileOnly,   // part of the file and the command line, unknown to CONFIG GET and SET
};

// How a type is read from words and written back; see value.h.
template <class T>
struct Value;

// A line of the file sets an option. `first`: no line of this load has set it yet; types that
// gather several lines (save) begin anew then.
struct Line {
  std::span<const std::string> words;
  bool first = true;
};

// Which member of which config struct, without its type.
class Field {
 public:
  template <class Config, class T>
  constexpr Field(T Config::*member) : type_(&kType<Config, T>) {  // NOLINT: by design
    const auto bytes = std::bit_cast<MemberBytes>(member);
    member_ = bytes;
  }

  bool belongs_to(const std::type_info& config) const { return *type_->config == config; }
  // May the value be several words; may several lines build it up.
  bool many_words() const { return type_->many_words; }
  bool many_lines() const { return type_->many_lines; }

  // Reads into the member, which stays as it was on an error.
  Result<void> read(const Option& option, void* config, const Line& line) const {
    return type_->read(option, config, member_, line);
  }
  // The value as CONFIG GET shows it.
  std::string write(const Option& option, const void* config) const {
    return type_->write(option, config, member_);
  }
  // What stands behind the name in the file, a line each; quoted where needed.
  std::vector<std::string> lines(const Option& option, const void* config) const {
    return type_->lines(option, config, member_);
  }
  // The type's empty value.
  void clear(void* config) const { type_->clear(config, member_); }
  // A copy of the member, and its way back.
  using Copy = std::shared_ptr<const void>;
  Copy copy(const void* config) const { return type_->copy(config, member_); }
  void restore(void* config, const Copy& copy) const { type_->restore(config, member_, copy); }

 private:
  using MemberBytes = std::array<unsigned char, sizeof(int Field::*)>;
  struct Type {
    const std::type_info* config;
    bool many_words;
    bool many_lines;
    Result<void> (*read)(const Option&, void*, const MemberBytes&, const Line&);
    std::string (*write)(const Option&, const void*, const MemberBytes&);
    std::vector<std::string> (*lines)(const Option&, const void*, const MemberBytes&);
    void (*clear)(void*, const MemberBytes&);
    Copy (*copy)(const void*, const MemberBytes&);
    void (*restore)(void*, const MemberBytes&, const Copy&);
  };
  template <class Config, class T>
  static T& at(void* config, const MemberBytes& member) {
    return static_cast<Config*>(config)->*std::bit_cast<T Config::*>(member);
  }
  template <class Config, class T>
  static const T& at(const void* config, const MemberBytes& member) {
    return static_cast<const Config*>(config)->*std::bit_cast<T Config::*>(member);
  }
  template <class Config, class T>
  static constexpr Type kType = {
      &typeid(Config),
      Value<T>::kManyWords,
      Value<T>::kManyLines,
      [](const Option& option, void* config, const MemberBytes& member, const Line& line) {
        return Value<T>::read(option, line, at<Config, T>(config, member));
      },
      [](const Option& option, const void* config, const MemberBytes& member) {
        return Value<T>::write(option, at<Config, T>(config, member));
      },
      [](const Option& option, const void* config, const MemberBytes& member) {
        return Value<T>::lines(option, at<Config, T>(config, member));
      },
      [](void* config, const MemberBytes& member) { at<Config, T>(config, member) = T{}; },
      [](const void* config, const MemberBytes& member) {
        return Copy(std::make_shared<T>(at<Config, T>(config, member)));
      },
      [](void* config, const MemberBytes& member, const Copy& copy) {
        at<Config, T>(config, member) = *static_cast<const T*>(copy.get());
      }};

  const Type* type_;
  MemberBytes member_;
};

struct Option {
  std::string_view name;
  std::string_view alias = {};  // an older name, as good as the first
  Field field;
  std::string_view fallback;  // as the file would say it; empty: the type's empty value
  Range range = {};
  Unit unit = Unit::kNone;
  Change change = Change::kAtRuntime;
  bool hidden = false;                // CONFIG GET shows it by its exact name only
  bool denied_while_loading = false;  // CONFIG SET waits until a dataset is loaded
  bool secret = false;                // never in logs
  bool effective = true;              // false: accepted and kept, but its part is not built yet
  // What a text must fulfil beyond its type: the reason why it does not, or nullptr.
  const char* (*refuse)(std::string_view text) = nullptr;
  std::string_view doc;
};

}  // namespace redan
