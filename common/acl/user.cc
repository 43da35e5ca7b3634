#include "common/acl/user.h"

#include <algorithm>

#include "common/acl/passwords.h"
#include "common/base/parse.h"

namespace redan::acl {

std::string_view text_of(RuleFault fault) {
  switch (fault) {
    case RuleFault::kSyntax:
      return "Syntax error";
    case RuleFault::kUnknownCommand:
      return "Unknown command or category name in ACL";
    case RuleFault::kUnknownPassword:
      return "The password you are trying to remove from the user does not exist";
    case RuleFault::kBadHash:
      return "The password hash must be exactly 64 characters and contain only lowercase "
             "hexadecimal characters";
    case RuleFault::kKeysAreAll:
      return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does "
             "not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    case RuleFault::kChannelsAreAll:
      return "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
             "does not have any effect. Try 'resetchannels' to start with an empty list of "
             "channels";
    case RuleFault::kFirstArgOfSubcommand:
      return "Allowing first-arg of a subcommand is not supported";
  }
  return {};
}

Refused User::apply(std::string_view rule, const Rulebook& book) {
  if (rule.empty()) return {};
  if (iequals(rule, "on")) {
    enabled_ = true;
  } else if (iequals(rule, "off")) {
    enabled_ = false;
  } else if (iequals(rule, "nopass")) {
    no_password_ = true;
    passwords_.clear();
  } else if (iequals(rule, "resetpass")) {
    no_password_ = false;
    passwords_.clear();
  } else if (iequals(rule, "sanitize-payload")) {
    sanitize_ = Sanitize::kYes;
  } else if (iequals(rule, "skip-sanitize-payload")) {
    sanitize_ = Sanitize::kNo;
  } else if (iequals(rule, "clearselectors")) {
    selectors_.resize(1, selectors_.front());
  } else if (iequals(rule, "reset")) {
    *this = User(std::move(name_), book);
  } else if (rule[0] == '(') {
    return add_selector(rule, book);
  } else if (rule[0] == '>' || rule[0] == '#' || rule[0] == '<' || rule[0] == '!') {
    return apply_password(rule);
  } else {
    return selectors_.front().apply(rule, book);
  }
  return {};
}

Refused User::apply_password(std::string_view rule) {
  const bool is_plain = rule[0] == '>' || rule[0] == '<';
  if (!is_plain && !is_hash(rule.substr(1))) return RuleFault::kBadHash;
  const std::string hash = is_plain ? hash_of(rule.substr(1)) : std::string(rule.substr(1));
  const auto known = std::find(passwords_.begin(), passwords_.end(), hash);
  if (rule[0] == '<' || rule[0] == '!') {
    if (known == passwords_.end()) return RuleFault::kUnknownPassword;
    passwords_.erase(known);
    return {};
  }
  if (known == passwords_.end()) passwords_.push_back(hash);
  no_password_ = false;
  return {};
}

Refused User::add_selector(std::string_view rule, const Rulebook& book) {
  if (rule.size() < 2 || rule.back() != ')') return RuleFault::kSyntax;
  const auto words = split_words(rule.substr(1, rule.size() - 2));
  if (!words) return RuleFault::kSyntax;
  Selector selector(book);
  for (const std::string& word : *words) {
    if (Refused refused = selector.apply(word, book)) return refused;
  }
  selectors_.push_back(std::move(selector));
  return {};
}

bool User::accepts(std::string_view password) const {
  if (!enabled_) return false;
  if (no_password_) return true;
  const std::string given = hash_of(password);
  bool found = false;
  for (const std::string& known : passwords_) found |= same_hash(known, given);
  return found;
}

// --- decisions ---

bool User::allows_everything() const {
  return std::any_of(selectors_.begin(), selectors_.end(),
                     [](const Selector& selector) { return selector.allows_everything(); });
}

// Of several refusals that one is told which came furthest: a channel before a key before a
// command, and among these the last word.
std::optional<Denial> User::check(const CommandEntry& command, const Touched& call) const {
  std::optional<Denial> furthest;
  for (const Selector& selector : selectors_) {
    const std::optional<Denial> denial = selector.check(command, call);
    if (!denial) return {};
    const bool further =
        !furthest || denial->reason > furthest->reason ||
        (denial->reason == furthest->reason && denial->position > furthest->position);
    if (further) furthest = denial;
  }
  return furthest;
}

bool User::reads_every_key(const CommandEntry& command, const Touched& call) const {
  return std::any_of(selectors_.begin(), selectors_.end(), [&](const Selector& selector) {
    return selector.reads_every_key() && !selector.check(command, call);
  });
}

bool User::allows_channel(std::string_view name, bool is_pattern) const {
  return std::any_of(selectors_.begin(), selectors_.end(), [&](const Selector& selector) {
    return selector.allows_channel(name, is_pattern);
  });
}

bool User::same_channels(const User& other) const {
  return std::equal(selectors_.begin(), selectors_.end(), other.selectors_.begin(),
                    other.selectors_.end(),
                    [](const Selector& a, const Selector& b) { return a.same_channels(b); });
}

// --- as rules ---

std::vector<std::string_view> User::flags() const {
  std::vector<std::string_view> flags = {enabled_ ? "on" : "off"};
  if (no_password_) flags.emplace_back("nopass");
  flags.emplace_back(sanitize_ == Sanitize::kYes ? "sanitize-payload" : "skip-sanitize-payload");
  return flags;
}

std::vector<std::string> User::rules() const {
  std::vector<std::string> rules;
  for (const std::string_view flag : flags()) rules.emplace_back(flag);
  for (const std::string& hash : passwords_) rules.push_back("#" + hash);
  for (std::string& rule : selectors_.front().rules()) rules.push_back(std::move(rule));
  for (size_t i = 1; i < selectors_.size(); ++i) {
    std::string selector;
    for (const std::string& rule : selectors_[i].rules()) {
      // A selector is read as a line of words, in which quotes mean something, and a word that ends
      // with a parenthesis is its last.
      const bool plain = rule.find_first_of("\"'") == std::string::npos && !rule.ends_with(')');
      selector += (selector.empty() ? "" : " ") + (plain ? rule : quote_word(rule));
    }
    rules.push_back("(" + selector + ")");
  }
  return rules;
}

JoinedRules join_selectors(std::span<const std::string_view> words) {
  JoinedRules joined;
  std::optional<std::string> opened_by;
  for (const std::string_view word : words) {
    if (opened_by) {
      joined.rules.back() += " " + std::string(word);
    } else {
      joined.rules.emplace_back(word);
      if (word.starts_with('(')) opened_by = word;
    }
    if (opened_by && word.ends_with(')')) opened_by.reset();
  }
  joined.unclosed = opened_by;
  return joined;
}

}  // namespace redan::acl
