// One set of permissions: which commands, on which keys, with which channels. A user has one of its
// own and any number in parentheses; a call is let through by one that allows all of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/acl/rules.h"
#include "common/command/catalog.h"
#include "common/command/keys.h"

namespace redan::acl {

// What a pattern lets a command do with a key, and what a command does with one.
enum KeyRight : uint8_t { kMayRead = 1, kMayWrite = 2, kMayBoth = 3 };

enum class Reason : uint8_t { kCommand, kKey, kChannel, kAuth };
inline constexpr size_t kReasons = 4;

// Why a call is not allowed: the command, or the word at `position` (a key, a channel).
struct Denial {
  Reason reason = Reason::kCommand;
  size_t position = 0;
  friend bool operator==(const Denial&, const Denial&) = default;
};

// What a call touches, found out once for all selectors. Words that cannot be understood touch
// nothing: they are the handler's to refuse.
struct Touched {
  // Reads `words` as a call of `command`; the memory of `keys` is used again.
  void read(const CommandEntry& command, std::span<const std::string_view> words);

  std::span<const std::string_view> args;
  std::vector<KeyRef> keys;
  size_t first_channel = 0;  // positions; none: both 0
  size_t end_of_channels = 0;
  bool channels_are_patterns = false;
};

class Selector {
 public:
  // Allows no command and no key.
  explicit Selector(const Rulebook& book);

  // A rule about commands, keys or channels.
  Refused apply(std::string_view rule, const Rulebook& book);

  std::optional<Denial> check(const CommandEntry& command, const Touched& call) const;
  bool allows_everything() const { return all_commands_ && all_keys_ && all_channels_; }
  // Whatever its name is.
  bool reads_every_key() const;
  bool allows_channel(std::string_view name, bool is_pattern) const;
  bool same_channels(const Selector& other) const {
    return all_channels_ == other.all_channels_ && channels_ == other.channels_;
  }

  // As rules that say the same, parted by spaces.
  std::string command_rules() const;
  std::string key_rules() const;
  std::string channel_rules() const;
  // All three, a rule each, in the order of ACL LIST.
  std::vector<std::string> rules() const;

 private:
  struct KeyPattern {
    std::string pattern;
    uint8_t rights;
  };

  Refused apply_key_pattern(std::string_view rule);
  Refused apply_channel(std::string_view rule);
  Refused apply_command(std::string_view rule, const Rulebook& book);
  Refused allow_first_arg(std::string_view rule, const Rulebook& book);
  void set_every_command(bool allowed);
  void set_command(const CommandEntry& command, bool allowed);
  void set_bit(int id, bool allowed);
  bool allows_command(const CommandEntry& command, std::span<const std::string_view> args) const;
  bool allows_key(std::string_view key, uint16_t flags) const;
  void note_rule(bool allowed, std::string_view what);

  std::vector<bool> allowed_;  // by CommandEntry::id
  bool all_commands_ = false;  // nothing was taken away since +@all
  bool begins_with_all_ = false;
  // What was said since then, each command and category once, at its latest place.
  std::vector<std::string> command_rules_;
  // Commands that are allowed with these first arguments only.
  std::map<int, std::vector<std::string>> first_args_;
  bool all_keys_ = false;
  std::vector<KeyPattern> keys_;
  bool all_channels_ = false;
  std::vector<std::string> channels_;
};

}  // namespace redan::acl
