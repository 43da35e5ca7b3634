// All users by name. Users keep their place in memory while they exist, so that sessions may point
// at theirs; what holds such pointers is told who goes and who changed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/acl/user.h"
#include "common/base/result.h"

namespace redan::acl {

inline constexpr std::string_view kDefaultUser = "default";

// No spaces and no zero bytes: the name stands in a line of a file.
bool is_user_name(std::string_view name);
// The whole line of ACL LIST and of files: "user NAME RULE ...".
std::string line_of(const User& user);

class Directory {
 public:
  // There is the default user, who may do everything, without a password.
  explicit Directory(const CommandCatalog& commands);

  const User& default_user() const { return *users_.find(kDefaultUser)->second; }
  const User* find(std::string_view name) const;
  // In the order of their names.
  const std::map<std::string, std::unique_ptr<User>, std::less<>>& users() const { return users_; }

  // Who changed, and what it was before; `before` is null for a new user. A user that goes is told
  // with `after` null, and lives until the call returns.
  using Change = std::function<void(const User* before, const User* after)>;
  void on_change(Change told) { told_ = std::move(told); }

  // ACL SETUSER: all rules are applied, or none. A user that is not there is made.
  Result<void> set(std::string_view name, std::span<const std::string_view> rules,
                   bool all_channels);
  // False where there is none.
  bool erase(std::string_view name);
  // requirepass: an empty one means that none is needed.
  void set_default_password(std::string_view password);

  // `user` lines of redis.conf, which were checked when they were read.
  Result<void> add_declared(std::span<const std::string> words, bool all_channels);
  // The text of an ACL file takes the place of all users, whole or not at all. The error names
  // each line that is wrong, as `file`:LINE, and says nothing of passwords.
  Result<void> replace(std::string_view text, const std::string& file, bool all_channels);
  std::string file_text() const;

 private:
  using Users = std::map<std::string, std::unique_ptr<User>, std::less<>>;

  Rulebook book(bool all_channels) const { return {commands_, all_channels}; }
  std::unique_ptr<User> make_default() const;
  std::string read_line(std::string_view line, const std::string& place, bool all_channels,
                        size_t number, Users& users) const;
  void put(User user);
  void tell(const User* before, const User* after) const {
    if (told_) told_(before, after);
  }

  const CommandCatalog& commands_;
  Users users_;
  Change told_;
};

// Is a `user` line of redis.conf well formed, and does it name what there is?
Result<void> check_declaration(std::span<const std::string> words, const CommandCatalog& commands);

}  // namespace redan::acl
