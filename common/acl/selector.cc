#include "common/acl/selector.h"

#include <algorithm>
#include <cctype>

#include "common/base/glob.h"
#include "common/base/parse.h"

namespace redan::acl {

namespace {

// A rule that holds a space could not be read back.
bool has_spaces(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\0' || std::isspace(c) != 0; });
}

// "config|get", "get", by the names that commands were declared with: rename-command hides a
// command from clients, not from rules.
const CommandEntry* find_command(const CommandCatalog& commands, std::string_view name) {
  const size_t bar = name.find('|');
  const CommandEntry* command = commands.find_original(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  return commands.find_sub(*command, name.substr(bar + 1));
}

// `known` names `what` or, where that is a command, a part of it.
bool is_part_of(std::string_view known, std::string_view what) {
  return known.starts_with(what) && (known.size() == what.size() || known[what.size()] == '|');
}

uint8_t rights_for(uint16_t flags) {
  const bool reads = (flags & kKeyAccess) != 0;
  const bool writes = (flags & (kKeyInsert | kKeyDelete | kKeyUpdate)) != 0;
  return static_cast<uint8_t>((reads ? kMayRead : 0) | (writes ? kMayWrite : 0));
}

}  // namespace

void Touched::read(const CommandEntry& command, std::span<const std::string_view> words) {
  args = words;
  keys.clear();
  first_channel = end_of_channels = 0;
  const bool has_keys = command.has_keys() || command.spec->key_finder != nullptr;
  if (has_keys && !find_keys(*command.spec, words, keys)) keys.clear();
  if (!command.has(kPubSub)) return;
  const std::string& name = command.full_name;
  channels_are_patterns = name == "psubscribe";
  if (name == "publish" || name == "spublish") {
    first_channel = 1, end_of_channels = 2;
  } else if (channels_are_patterns || name == "subscribe" || name == "ssubscribe") {
    first_channel = 1, end_of_channels = words.size();
  }
}

Selector::Selector(const Rulebook& book)
    : allowed_(book.commands.size()), all_channels_(book.all_channels) {}

Refused Selector::apply(std::string_view rule, const Rulebook& book) {
  if (iequals(rule, "allkeys") || rule == "~*") {
    all_keys_ = true;
    keys_.clear();
    return {};
  }
  if (iequals(rule, "resetkeys")) {
    all_keys_ = false;
    keys_.clear();
    return {};
  }
  if (iequals(rule, "allchannels") || rule == "&*") {
    all_channels_ = true;
    channels_.clear();
    return {};
  }
  if (iequals(rule, "resetchannels")) {
    all_channels_ = false;
    channels_.clear();
    return {};
  }
  if (iequals(rule, "allcommands") || iequals(rule, "+@all")) {
    set_every_command(true);
    return {};
  }
  if (iequals(rule, "nocommands") || iequals(rule, "-@all")) {
    set_every_command(false);
    return {};
  }
  if (rule.empty()) return RuleFault::kSyntax;
  switch (rule[0]) {
    case '~':
    case '%':
      return apply_key_pattern(rule);
    case '&':
      return apply_channel(rule);
    case '+':
    case '-':
      return apply_command(rule, book);
    default:
      return RuleFault::kSyntax;
  }
}

// ~pattern, %R~pattern, %W~pattern, %RW~pattern; Redis takes %R alone for %R~, too.
Refused Selector::apply_key_pattern(std::string_view rule) {
  if (all_keys_) return RuleFault::kKeysAreAll;
  uint8_t rights = kMayBoth;
  std::string_view pattern = rule.substr(1);
  if (rule[0] == '%') {
    rights = 0;
    size_t at = 1;
    for (; at < rule.size() && rule[at] != '~'; ++at) {
      const int letter = std::toupper(static_cast<unsigned char>(rule[at]));
      const uint8_t right = letter == 'R' ? kMayRead : letter == 'W' ? kMayWrite : 0;
      if (right == 0 || (rights & right) != 0) return RuleFault::kSyntax;
      rights |= right;
    }
    if (rights == 0) return RuleFault::kSyntax;
    pattern = at < rule.size() ? rule.substr(at + 1) : std::string_view();
  }
  if (has_spaces(pattern)) return RuleFault::kSyntax;
  const auto known = std::find_if(keys_.begin(), keys_.end(), [pattern](const KeyPattern& key) {
    return key.pattern == pattern;
  });
  if (known == keys_.end()) {
    keys_.push_back({std::string(pattern), rights});
  } else {
    known->rights |= rights;
  }
  return {};
}

Refused Selector::apply_channel(std::string_view rule) {
  if (all_channels_) return RuleFault::kChannelsAreAll;
  const std::string_view pattern = rule.substr(1);
  if (has_spaces(pattern)) return RuleFault::kSyntax;
  if (std::find(channels_.begin(), channels_.end(), pattern) == channels_.end()) {
    channels_.emplace_back(pattern);
  }
  return {};
}

Refused Selector::apply_command(std::string_view rule, const Rulebook& book) {
  const bool allowed = rule[0] == '+';
  const std::string_view what = rule.substr(1);
  if (what.starts_with('@')) {
    const uint32_t bit = find_category(what.substr(1));
    if (bit == 0) return RuleFault::kUnknownCommand;
    // A container's own category is that of all that stands below it.
    for (const CommandEntry* command : book.commands.entries()) {
      if ((command->categories & bit) != 0) set_command(*command, allowed);
    }
    note_rule(allowed, what);
    return {};
  }
  if (const CommandEntry* command = find_command(book.commands, what)) {
    set_command(*command, allowed);
    note_rule(allowed, command->full_name);
    return {};
  }
  if (!allowed || what.find('|') == std::string_view::npos) return RuleFault::kUnknownCommand;
  return allow_first_arg(what, book);
}

// +select|0: the command with this first argument, although it has no subcommands.
Refused Selector::allow_first_arg(std::string_view what, const Rulebook& book) {
  const size_t bar = what.rfind('|');
  const CommandEntry* const command = find_command(book.commands, what.substr(0, bar));
  if (command == nullptr) return RuleFault::kUnknownCommand;
  if (command->container != nullptr) return RuleFault::kFirstArgOfSubcommand;
  const std::string_view argument = what.substr(bar + 1);
  if (argument.empty() || has_spaces(argument)) return RuleFault::kSyntax;
  if (command->is_container()) return RuleFault::kUnknownCommand;
  std::vector<std::string>& known = first_args_[command->id];
  const std::string word = to_lower(argument);
  if (std::find(known.begin(), known.end(), word) == known.end()) known.push_back(word);
  note_rule(true, command->full_name + "|" + word);
  return {};
}

void Selector::set_every_command(bool allowed) {
  allowed_.assign(allowed_.size(), allowed);
  all_commands_ = begins_with_all_ = allowed;
  command_rules_.clear();
  first_args_.clear();
}

void Selector::set_command(const CommandEntry& command, bool allowed) {
  set_bit(command.id, allowed);
  for (const CommandEntry* sub : command.subcommands) set_bit(sub->id, allowed);
}

void Selector::set_bit(int id, bool allowed) {
  allowed_[static_cast<size_t>(id)] = allowed;
  if (!allowed) all_commands_ = false;
  first_args_.erase(id);
}

// What was said before of the same command, of its subcommands or of the category holds no more.
void Selector::note_rule(bool allowed, std::string_view what) {
  const std::string word = to_lower(what);
  std::erase_if(command_rules_, [&word](const std::string& rule) {
    return is_part_of(std::string_view(rule).substr(1), word);
  });
  command_rules_.push_back((allowed ? "+" : "-") + word);
}

// --- decisions ---

bool Selector::allows_command(const CommandEntry& command,
                              std::span<const std::string_view> args) const {
  if (all_commands_ || command.has(kNoAuth)) return true;
  if (allowed_[static_cast<size_t>(command.id)]) return true;
  const auto known = first_args_.find(command.id);
  if (known == first_args_.end() || args.size() < 2) return false;
  return std::any_of(known->second.begin(), known->second.end(),
                     [&args](const std::string& word) { return iequals(word, args[1]); });
}

bool Selector::allows_key(std::string_view key, uint16_t flags) const {
  const uint8_t wanted = rights_for(flags);
  return std::any_of(keys_.begin(), keys_.end(), [&](const KeyPattern& known) {
    return (known.rights & wanted) == wanted && glob_match(known.pattern, key);
  });
}

bool Selector::allows_channel(std::string_view name, bool is_pattern) const {
  if (all_channels_) return true;
  return std::any_of(channels_.begin(), channels_.end(), [&](const std::string& known) {
    // What a pattern will match is not known, so it has to be one of those that were granted.
    return is_pattern ? known == name : glob_match(known, name);
  });
}

bool Selector::reads_every_key() const {
  return all_keys_ || std::any_of(keys_.begin(), keys_.end(), [](const KeyPattern& known) {
           return known.pattern == "*" && (known.rights & kMayRead) != 0;
         });
}

std::optional<Denial> Selector::check(const CommandEntry& command, const Touched& call) const {
  if (!allows_command(command, call.args)) return Denial{Reason::kCommand, 0};
  if (!all_keys_) {
    for (const KeyRef& key : call.keys) {
      const auto position = static_cast<size_t>(key.position);
      if (!allows_key(call.args[position], key.flags)) return Denial{Reason::kKey, position};
    }
  }
  for (size_t i = call.first_channel; i < call.end_of_channels; ++i) {
    if (!allows_channel(call.args[i], call.channels_are_patterns)) {
      return Denial{Reason::kChannel, i};
    }
  }
  return {};
}

// --- as rules ---

std::string Selector::command_rules() const {
  std::string text = begins_with_all_ ? "+@all" : "-@all";
  for (const std::string& rule : command_rules_) text += " " + rule;
  return text;
}

std::string Selector::key_rules() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& key : keys_) {
    if (!text.empty()) text += ' ';
    // "~*" is "allkeys" when it is read back, and goes with no other pattern.
    const bool beside_others = key.pattern == "*" && keys_.size() > 1;
    const std::string_view both = beside_others ? "%RW~" : "~";
    text += key.rights == kMayBoth ? both : key.rights == kMayRead ? "%R~" : "%W~";
    text += key.pattern;
  }
  return text;
}

std::string Selector::channel_rules() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& channel : channels_) {
    if (!text.empty()) text += ' ';
    text += "&" + channel;
  }
  return text;
}

std::vector<std::string> Selector::rules() const {
  std::vector<std::string> rules;
  const auto add = [&rules](const std::string& text) {
    if (text.empty()) return;
    for (const std::string_view rule : split(text, ' ')) rules.emplace_back(rule);
  };
  add(key_rules());
  if (!all_channels_) rules.emplace_back("resetchannels");
  add(channel_rules());
  add(command_rules());
  return rules;
}

}  // namespace redan::acl
