#include "common/acl/directory.h"

#include <algorithm>
#include <cctype>

#include "common/base/check.h"
#include "common/base/parse.h"

namespace redan::acl {

namespace {

Error unclosed_selector(const std::string& word) {
  return Error("Unmatched parenthesis in acl selector starting at '" + word + "'.");
}

std::vector<std::string_view> views_of(std::span<const std::string> words) {
  return {words.begin(), words.end()};
}

}  // namespace

bool is_user_name(std::string_view name) {
  return std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c == '\0' || std::isspace(c) != 0; });
}

std::string line_of(const User& user) {
  std::string line = "user " + user.name();
  for (const std::string& rule : user.rules()) line += " " + rule;
  return line;
}

Directory::Directory(const CommandCatalog& commands) : commands_(commands) {
  users_.emplace(kDefaultUser, make_default());
}

std::unique_ptr<User> Directory::make_default() const {
  const Rulebook rules = book(false);
  auto user = std::make_unique<User>(std::string(kDefaultUser), rules);
  for (const std::string_view rule : {"on", "nopass", "allkeys", "allchannels", "allcommands"}) {
    const Refused refused = user->apply(rule, rules);
    REDAN_CHECK(!refused);
  }
  return user;
}

const User* Directory::find(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second.get();
}

// A user that exists changes in its place.
void Directory::put(User user) {
  const auto found = users_.find(user.name());
  if (found == users_.end()) {
    auto fresh = std::make_unique<User>(std::move(user));
    const User& added = *fresh;
    users_.emplace(added.name(), std::move(fresh));
    return tell(nullptr, &added);
  }
  const User before = std::exchange(*found->second, std::move(user));
  tell(&before, found->second.get());
}

Result<void> Directory::set(std::string_view name, std::span<const std::string_view> rules,
                            bool all_channels) {
  if (!is_user_name(name)) {
    return Error("Usernames can't contain spaces or null characters");
  }
  const JoinedRules joined = join_selectors(rules);
  if (joined.unclosed) return unclosed_selector(*joined.unclosed);
  const User* const known = find(name);
  User user = known != nullptr ? *known : User(std::string(name), book(all_channels));
  for (const std::string& rule : joined.rules) {
    if (const Refused refused = user.apply(rule, book(all_channels))) {
      return Error("Error in ACL SETUSER modifier '" + rule +
                   "': " + std::string(text_of(*refused)));
    }
  }
  put(std::move(user));
  return kOk;
}

bool Directory::erase(std::string_view name) {
  const auto found = users_.find(name);
  if (found == users_.end() || name == kDefaultUser) return false;
  const std::unique_ptr<User> gone = std::move(found->second);
  users_.erase(found);
  tell(gone.get(), nullptr);
  return true;
}

void Directory::set_default_password(std::string_view password) {
  User user = default_user();
  const std::string rule = password.empty() ? "nopass" : ">" + std::string(password);
  for (const std::string_view each : {std::string_view("resetpass"), std::string_view(rule)}) {
    const Refused refused = user.apply(each, book(false));
    REDAN_CHECK(!refused);
  }
  put(std::move(user));
}

Result<void> Directory::add_declared(std::span<const std::string> words, bool all_channels) {
  const std::vector<std::string_view> all = views_of(words);
  const Rulebook rules = book(all_channels);
  User user(words[0], rules);
  for (const std::string& rule : join_selectors(std::span(all).subspan(1)).rules) {
    if (const Refused refused = user.apply(rule, rules)) {
      return Error("Error loading ACL rule '" + rule + "' for the user named '" + words[0] +
                   "': " + std::string(text_of(*refused)));
    }
  }
  put(std::move(user));
  return kOk;
}

Result<void> check_declaration(std::span<const std::string> words, const CommandCatalog& commands) {
  const std::vector<std::string_view> all = views_of(words);
  if (all.empty()) return Error("Bad directive or wrong number of arguments");
  if (!is_user_name(all[0])) return Error("Spaces not allowed in ACL usernames");
  const Rulebook book{commands, false};
  User user{std::string(all[0]), book};
  const JoinedRules joined = join_selectors(std::span(all).subspan(1));
  if (joined.unclosed) {
    return Error("Error in user declaration '" + *joined.unclosed +
                 "': Unmatched parenthesis in selector definition");
  }
  for (const std::string& rule : joined.rules) {
    if (const Refused refused = user.apply(rule, book)) {
      return Error("Error in user declaration '" + rule + "': " + std::string(text_of(*refused)));
    }
  }
  return kOk;
}

// --- files ---

// What is wrong with a line; empty: its user is among `users`.
std::string Directory::read_line(std::string_view line, const std::string& place, bool all_channels,
                                 size_t number, Users& users) const {
  const std::vector<std::string_view> words = split(line, ' ');
  if (words[0] != "user" || words.size() < 2) {
    return place + " should start with user keyword followed by the username. ";
  }
  const std::string_view name = words[1];
  if (!is_user_name(name)) {
    return "'" + place + ": username '" + std::string(name) + "' contains invalid characters. ";
  }
  if (users.contains(name)) {
    return "WARNING: Duplicate user '" + std::string(name) + "' found on line " +
           std::to_string(number) + ". ";
  }
  const Rulebook rules = book(all_channels);
  auto user = std::make_unique<User>(std::string(name), rules);
  const JoinedRules joined = join_selectors(std::span(words).subspan(2));
  std::string wrong;
  if (joined.unclosed) wrong = place + ": Unmatched parenthesis in selector definition. ";
  bool told = joined.unclosed.has_value();
  for (const std::string& rule : joined.rules) {
    if (joined.unclosed) break;
    const Refused refused = user->apply(rule, rules);
    if (!refused) continue;
    if (*refused == RuleFault::kUnknownCommand) {
      wrong += place + ": Error in applying operation '" + rule +
               "': " + std::string(text_of(*refused)) + ". ";
    } else if (!std::exchange(told, true)) {
      // The rule may be a password with a letter too much: it is not shown.
      wrong += place + ": " + std::string(text_of(*refused)) + ". ";
    }
  }
  users.emplace(name, std::move(user));
  return wrong;
}

Result<void> Directory::replace(std::string_view text, const std::string& file, bool all_channels) {
  Users fresh;
  std::string wrong;
  size_t number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty()) continue;
    wrong += read_line(line, file + ":" + std::to_string(number), all_channels, number, fresh);
  }
  if (!wrong.empty()) {
    return Error(wrong +
                 "WARNING: ACL errors detected, no change to the previously active ACL rules was "
                 "performed");
  }
  if (!fresh.contains(kDefaultUser)) fresh.emplace(kDefaultUser, make_default());
  std::vector<std::string> gone;
  for (const auto& [name, user] : users_) {
    if (!fresh.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) erase(name);
  for (auto& [name, user] : fresh) put(std::move(*user));
  return kOk;
}

std::string Directory::file_text() const {
  std::string text;
  for (const auto& [name, user] : users_) text += line_of(*user) + "\n";
  return text;
}

}  // namespace redan::acl
