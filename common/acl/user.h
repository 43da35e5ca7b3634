// A user: how it signs in, and what it may do. Its rules are the words of ACL SETUSER.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/acl/selector.h"

namespace redan::acl {

class User {
 public:
  // Off, without passwords, and allowed nothing.
  User(std::string name, const Rulebook& book)
      : name_(std::move(name)), selectors_{Selector(book)} {}

  const std::string& name() const { return name_; }
  // One rule; a selector in parentheses is one.
  Refused apply(std::string_view rule, const Rulebook& book);

  // --- signing in ---
  bool enabled() const { return enabled_; }
  bool needs_no_password() const { return no_password_; }
  bool accepts(std::string_view password) const;

  // --- what it may do ---
  // Every command with every key and channel: nothing needs to be looked at.
  bool allows_everything() const;
  std::optional<Denial> check(const CommandEntry& command, const Touched& call) const;
  // May this command of theirs read keys whose names are not among its words (SORT ... BY)?
  bool reads_every_key(const CommandEntry& command, const Touched& call) const;
  bool allows_channel(std::string_view name, bool is_pattern) const;
  bool same_channels(const User& other) const;

  // --- as rules ---
  // "on", "nopass" and such.
  std::vector<std::string_view> flags() const;
  const std::vector<std::string>& password_hashes() const { return passwords_; }
  // The first is the user's own.
  const std::vector<Selector>& selectors() const { return selectors_; }
  // A rule each; applied to a new user they make the same one.
  std::vector<std::string> rules() const;

 private:
  enum class Sanitize : uint8_t { kYes, kNo };

  Refused apply_password(std::string_view rule);
  Refused add_selector(std::string_view rule, const Rulebook& book);

  std::string name_;
  bool enabled_ = false;
  bool no_password_ = false;
  Sanitize sanitize_ = Sanitize::kYes;
  std::vector<std::string> passwords_;  // hashes, in the order in which they came
  std::vector<Selector> selectors_;
};

// A selector may have come in several words, "(+get" and "~a)": joins them. The error is the word
// that opens what is never closed.
struct JoinedRules {
  std::vector<std::string> rules;
  std::optional<std::string> unclosed;
};
JoinedRules join_selectors(std::span<const std::string_view> words);

}  // namespace redan::acl
