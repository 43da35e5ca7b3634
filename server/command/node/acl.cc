// ACL: users, what they may do, and what was refused to them.

#include <openssl/rand.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/command/docs.h"
#include "common/log/log.h"
#include "server/command/families.h"
#include "server/command/node/user_sessions.h"
#include "server/session/access.h"
#include "server/session/node_control.h"

namespace redan {

namespace {

Error wrong_subcommand(std::string_view name) {
  return Error("unknown subcommand or wrong number of arguments for '" + std::string(name) +
               "'. Try ACL HELP.");
}

// While it lives: a session that its own command deprives of its user hears the reply before it is
// closed.
class Asking {
 public:
  explicit Asking(Call& call) : access_(call.server().access) { access_.asking = &call.session(); }
  ~Asking() { access_.asking = nullptr; }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

 private:
  Access& access_;
};

Result<void> acl_cat(Call& call) {
  if (call.arg_count() > 3) return wrong_subcommand("CAT");
  if (call.arg_count() == 2) {
    call.reply().array(kAclCategoryCount);
    for (int i = 0; i < kAclCategoryCount; ++i) {
      call.reply().bulk(category_name(static_cast<AclCategory>(i)));
    }
    return kOk;
  }
  const uint32_t bit = find_category(call.arg(2));
  if (bit == 0) return Error("Unknown category '" + std::string(call.arg(2)) + "'");
  const size_t start = call.reply().begin_deferred();
  size_t count = 0;
  for (const CommandEntry* command : call.server().commands.entries()) {
    if ((command->categories & bit) == 0) continue;
    call.reply().bulk(command->full_name);
    ++count;
  }
  call.reply().end_array(start, count);
  return kOk;
}

Result<void> acl_deluser(Call& call) {
  const auto names = call.args().subspan(2);
  if (std::find(names.begin(), names.end(), acl::kDefaultUser) != names.end()) {
    return Error("The 'default' user cannot be removed");
  }
  const Asking asking(call);
  int64_t deleted = 0;
  for (const std::string_view name : names) {
    deleted += call.server().access.users.erase(name) ? 1 : 0;
  }
  call.reply().integer(deleted);
  return kOk;
}

Result<void> acl_dryrun(Call& call) {
  const acl::User* const user = call.server().access.users.find(call.arg(2));
  if (user == nullptr) return Error("User '" + std::string(call.arg(2)) + "' not found");
  const auto args = call.args().subspan(3);
  const CommandEntry* const command = call.server().commands.resolve(args);
  if (command == nullptr) return Error("Command '" + std::string(args[0]) + "' not found");
  if (!command->accepts(args.size())) return wrong_arity(command->full_name);
  acl::Touched touched;
  touched.read(*command, args);
  if (const auto denial = user->check(*command, touched)) {
    call.reply().bulk(acl::told_in_full(*denial, *user, *command, args));
  } else {
    call.reply().ok();
  }
  return kOk;
}

Result<void> acl_genpass(Call& call) {
  if (call.arg_count() > 3) return wrong_subcommand("GENPASS");
  constexpr int64_t kDefaultBits = 256, kMostBits = 4096;
  int64_t bits = kDefaultBits;
  if (call.arg_count() == 3) {
    const Result<int64_t> asked = integer_arg(call.arg(2));
    if (!asked) return asked.error();
    bits = *asked;
    if (bits <= 0 || bits > kMostBits) {
      return Error(
          "ACL GENPASS argument must be the number of bits for the output password, a positive "
          "number up to 4096");
    }
  }
  // A digit says four bits.
  std::vector<unsigned char> digits(static_cast<size_t>((bits + 3) / 4));
  const int drawn = RAND_bytes(digits.data(), static_cast<int>(digits.size()));
  REDAN_CHECK(drawn == 1);
  std::string password;
  for (const unsigned char digit : digits) password += "0123456789abcdef"[digit & 15];
  call.reply().bulk(password);
  return kOk;
}

void write_selector(const acl::Selector& selector, ReplyWriter& reply) {
  reply.bulk("commands"), reply.bulk(selector.command_rules());
  reply.bulk("keys"), reply.bulk(selector.key_rules());
  reply.bulk("channels"), reply.bulk(selector.channel_rules());
}

Result<void> acl_getuser(Call& call) {
  ReplyWriter& reply = call.reply();
  const acl::User* const user = call.server().access.users.find(call.arg(2));
  if (user == nullptr) return reply.null(), kOk;
  reply.map(6);
  reply.bulk("flags");
  const std::vector<std::string_view> flags = user->flags();
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("passwords");
  reply.array(user->password_hashes().size());
  for (const std::string& hash : user->password_hashes()) reply.bulk(hash);
  const std::vector<acl::Selector>& selectors = user->selectors();
  write_selector(selectors[0], reply);
  reply.bulk("selectors");
  reply.array(selectors.size() - 1);
  for (size_t i = 1; i < selectors.size(); ++i) {
    reply.map(3);
    write_selector(selectors[i], reply);
  }
  return kOk;
}

Result<void> acl_list(Call& call) {
  const auto& users = call.server().access.users.users();
  call.reply().array(users.size());
  for (const auto& [name, user] : users) call.reply().bulk(acl::line_of(*user));
  return kOk;
}

Error no_file() {
  return Error(
      "This Redis instance is not configured to use an ACL file. You may want to specify users via "
      "the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis "
      "configuration file set) in order to store users in the Redis configuration.");
}

Result<void> acl_load(Call& call) {
  if (call.server().access.file.empty()) return no_file();
  const Asking asking(call);
  if (Result<void> loaded = load_users_file(call.server()); !loaded) return loaded;
  call.reply().ok();
  return kOk;
}

Result<void> acl_save(Call& call) {
  if (call.server().access.file.empty()) return no_file();
  if (const Result<void> saved = save_users_file(call.server()); !saved) {
    log_warning("ACL SAVE failed: {}", saved.error().message());
    return Error(
        "There was an error trying to save the ACLs. Please check the server logs for more "
        "information");
  }
  call.reply().ok();
  return kOk;
}

void write_denial(const acl::DenialLog::Entry& entry, int64_t now_ms, ReplyWriter& reply) {
  reply.map(10);
  reply.bulk("count"), reply.integer(static_cast<int64_t>(entry.count));
  reply.bulk("reason"), reply.bulk(acl::name_of(entry.reason));
  reply.bulk("context"), reply.bulk(entry.context);
  reply.bulk("object"), reply.bulk(entry.object);
  reply.bulk("username"), reply.bulk(entry.user);
  reply.bulk("age-seconds");
  reply.number_double(static_cast<double>(now_ms - entry.updated_ms) / 1000);
  reply.bulk("client-info"), reply.bulk(entry.client);
  reply.bulk("entry-id"), reply.integer(static_cast<int64_t>(entry.id));
  reply.bulk("timestamp-created"), reply.integer(entry.created_ms);
  reply.bulk("timestamp-last-updated"), reply.integer(entry.updated_ms);
}

Result<void> acl_log(Call& call) {
  if (call.arg_count() > 3) return wrong_subcommand("LOG");
  acl::DenialLog& log = call.server().access.denials;
  constexpr int64_t kShown = 10;
  int64_t count = kShown;
  if (call.arg_count() == 3) {
    if (iequals(call.arg(2), "RESET")) {
      log.clear();
      call.reply().ok();
      return kOk;
    }
    const Result<int64_t> asked = integer_arg(call.arg(2));
    if (!asked) return asked.error();
    count = std::max<int64_t>(0, *asked);
  }
  const size_t shown = std::min(static_cast<size_t>(count), log.entries().size());
  const int64_t now_ms = unix_ms(call.server().control.wall_now());
  call.reply().array(shown);
  for (size_t i = 0; i < shown; ++i) write_denial(log.entries()[i], now_ms, call.reply());
  return kOk;
}

Result<void> acl_setuser(Call& call) {
  const Asking asking(call);
  const bool all_channels = call.config().acl_pubsub_default == AclPubsubDefault::kAllChannels;
  if (Result<void> set =
          call.server().access.users.set(call.arg(2), call.args().subspan(3), all_channels);
      !set) {
    return set;
  }
  call.reply().ok();
  return kOk;
}

Result<void> acl_users(Call& call) {
  const auto& users = call.server().access.users.users();
  call.reply().array(users.size());
  for (const auto& [name, user] : users) call.reply().bulk(name);
  return kOk;
}

Result<void> acl_whoami(Call& call) {
  const acl::User* const user = call.session().user;
  user == nullptr ? call.reply().null() : call.reply().bulk(user->name());
  return kOk;
}

Result<void> acl_help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr uint32_t kOpen = kNoScript | kLoading | kStale;

constexpr Command<Call> kAclSubcommands[] = {
    {{.name = "CAT",
      .syntax = "[categoryname]",
      .flags = kOpen,
      .summary = "List the ACL categories or the commands inside a category",
      .since = "6.0.0",
      .complexity = "O(1) since the categories and commands are a fixed set."},
     acl_cat},
    {{.name = "DELUSER",
      .syntax = "username [username ...]",
      .flags = kAdmin | kOpen,
      .summary = "Remove the specified ACL users and the associated rules",
      .since = "6.0.0",
      .complexity = "O(1) amortized time considering the typical user."},
     acl_deluser},
    {{.name = "DRYRUN",
      .syntax = "username command [arg ...]",
      .flags = kAdmin | kOpen,
      .summary = "Returns whether the user can execute the given command without executing the "
                 "command.",
      .since = "7.0.0",
      .complexity = "O(1)."},
     acl_dryrun},
    {{.name = "GENPASS",
      .syntax = "[bits:integer]",
      .flags = kOpen,
      .summary = "Generate a pseudorandom secure password to use for ACL users",
      .since = "6.0.0",
      .complexity = "O(1)"},
     acl_genpass},
    {{.name = "GETUSER",
      .syntax = "username",
      .flags = kAdmin | kOpen,
      .summary = "Get the rules for a specific ACL user",
      .since = "6.0.0",
      .complexity =
          "O(N). Where N is the number of password, command and pattern rules that the user has.",
      .history = "6.2.0: Added Pub/Sub channel patterns.\n7.0.0: Added selectors and changed the "
                 "format of key and channel patterns from a list to their rule representation."},
     acl_getuser},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "6.0.0",
      .complexity = "O(1)"},
     acl_help},
    {{.name = "LIST",
      .flags = kAdmin | kOpen,
      .summary = "List the current ACL rules in ACL config file format",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of configured users."},
     acl_list},
    {{.name = "LOAD",
      .flags = kAdmin | kOpen,
      .summary = "Reload the ACLs from the configured ACL file",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of configured users."},
     acl_load},
    {{.name = "LOG",
      .syntax = "[operation: count:integer|RESET]",
      .flags = kAdmin | kOpen,
      .summary = "List latest events denied because of ACLs in place",
      .since = "6.0.0",
      .complexity = "O(N) with N being the number of entries shown."},
     acl_log},
    {{.name = "SAVE",
      .flags = kAdmin | kOpen,
      .summary = "Save the current ACL rules in the configured ACL file",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of configured users."},
     acl_save},
    {{.name = "SETUSER",
      .syntax = "username [rule ...]",
      .flags = kAdmin | kOpen,
      .summary = "Modify or create the rules for a specific ACL user",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of rules provided.",
      .history = "6.2.0: Added Pub/Sub channel patterns.\n7.0.0: Added selectors and key based "
                 "permissions."},
     acl_setuser},
    {{.name = "USERS",
      .flags = kAdmin | kOpen,
      .summary = "List the username of all the configured ACL rules",
      .since = "6.0.0",
      .complexity = "O(N). Where N is the number of configured users."},
     acl_users},
    {{.name = "WHOAMI",
      .flags = kOpen,
      .summary = "Return the name of the user associated to the current connection",
      .since = "6.0.0",
      .complexity = "O(1)"},
     acl_whoami},
};

constexpr Command<Call> kCommands[] = {
    {{.name = "ACL",
      .summary = "A container for Access List Control commands ",
      .since = "6.0.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kAclSubcommands},
};

}  // namespace

CommandFamily<Call> acl_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
