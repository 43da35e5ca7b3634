// DEBUG: what tests and operators need to see inside, and to bend time a little. Refused unless
// enable-debug-command says otherwise (kProtected).
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "common/base/check.h"
#include "common/base/double_text.h"
#include "common/base/glob.h"
#include "common/command/args.h"
#include "common/log/log.h"
#include "server/command/call.h"
#include "server/command/families.h"
#include "server/command/key_effects.h"
#include "server/command/keys/debug_protocol.h"
#include "server/command/keys/digest.h"
#include "server/persistence/dump_payload.h"
#include "server/session/node_control.h"

namespace redan {
namespace {

// The three ways to end badly, for drills of failover.
Result<void> fail_assertion(Call& call) {
  REDAN_CHECK(call.arg_count() == 0);
  return kOk;
}

Result<void> end_in_panic(Call&) {
  log_warning("DEBUG PANIC: the server ends, as it was told to");
  panic();
}

Result<void> segfault(Call&) {
  std::raise(SIGSEGV);
  return kOk;
}

Result<void> change_repl_id(Call& call) {
  call.server().control.change_replication_id();
  call.reply().ok();
  return kOk;
}

Result<void> digest(Call& call) {
  call.reply().simple(to_hex(dataset_digest(call.keyspace())));
  return kOk;
}

Result<void> digest_value(Call& call) {
  call.reply().array(call.arg_count() - 2);
  for (std::string_view key : call.args().subspan(2)) {
    const Entry* entry = call.keyspace().peek(call.db(), key);
    call.reply().simple(to_hex(entry == nullptr ? Digest{} : value_digest(*entry)));
  }
  return kOk;
}

Result<void> error(Call& call) {
  const std::string_view text = call.arg(2);
  const size_t space = std::min(text.find(' '), text.size());
  return Error(text.substr(0, space), text.substr(std::min(space + 1, text.size())));
}

Result<void> log(Call& call) {
  log_warning("DEBUG LOG: {}", call.arg(2));
  call.reply().ok();
  return kOk;
}

// The bytes that the value takes in a DUMP, without type, version and checksum.
size_t serialized_length(const Entry& entry) {
  constexpr size_t kFrame = 1 + 2 + 8;
  return dump_value(entry).size() - kFrame;
}

Result<void> object(Call& call) {
  const Entry* entry = call.keyspace().peek(call.db(), call.arg(2));
  if (entry == nullptr) return no_such_key();
  // Without the value's address, which is nobody's business.
  call.reply().simple("Value at:0x0 refcount:1 encoding:" + std::string(entry->encoding_name()) +
                      " serializedlength:" + std::to_string(serialized_length(*entry)) +
                      " lru:" + std::to_string(entry->access()) +
                      " lru_seconds_idle:" + std::to_string(call.keyspace().idle_s(*entry)));
  return kOk;
}

Result<int64_t> positive(std::string_view word) {
  const auto number = parse_int64(word);
  if (!number || *number < 0) return Error("value is out of range, must be positive");
  return *number;
}

// Adds "prefix:0", "prefix:1" ... where they are not there yet.
Result<void> populate(Call& call) {
  const Result<int64_t> count = positive(call.arg(2));
  if (!count) return count.error();
  const std::string prefix(call.arg_count() > 3 ? call.arg(3) : "key");
  const Result<int64_t> size = call.arg_count() > 4 ? positive(call.arg(4)) : Result<int64_t>(0);
  if (!size) return size.error();
  const Result<void> fits = *size <= call.config().proto_max_bulk_len
                                ? Result<void>(kOk)
                                : Error("value is out of range, must be positive");
  if (!fits) return fits;
  Keyspace& keyspace = call.keyspace();
  for (int64_t i = 0; i < *count; ++i) {
    const std::string key = prefix + ":" + std::to_string(i);
    std::string value = "value:" + std::to_string(i);
    if (*size > 0) value.resize(static_cast<size_t>(*size));
    keyspace.load_string(call.db(), key, value, Entry::kNoExpiry);
  }
  call.reply().ok();
  return kOk;
}

Result<void> protocol(Call& call) {
  return reply_sample(call.reply(), call.arg(2));
}

// Replicas get a command that is not run here, so that their data differs afterwards.
Result<void> replicate(Call& call) {
  call.propagate_as(call.args().subspan(2));
  call.force_propagation();
  call.reply().ok();
  return kOk;
}

Result<void> reload(Call& call) {
  bool save = true;
  bool flush = true;
  bool merge = false;
  ArgReader words(call.args(), 2);
  while (words.more()) {
    if (words.match("NOSAVE")) {
      save = false;
    } else if (words.match("NOFLUSH")) {
      flush = false;
    } else if (words.match("MERGE")) {
      merge = true;
    } else {
      return Error("DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  const Result<void> reloaded =
      call.server().snapshots.reload({.save = save, .flush = flush, .merge = merge});
  if (!reloaded) return reloaded;
  call.reply().ok();
  return kOk;
}

Result<void> set_active_expire(Call& call) {
  call.server().control.set_active_expiry(parse_int64(call.arg(2)).value_or(0) != 0);
  call.reply().ok();
  return kOk;
}

// Holds the data thread, as a command that is slow.
Result<void> sleep(Call& call) {
  const double seconds = parse_double(call.arg(2)).value_or(0);
  constexpr double kLongest = 3600;
  if (seconds > 0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(seconds, kLongest)));
  }
  call.reply().ok();
  return kOk;
}

// Matches a pattern against a long text of 'a', whose cost must stay bounded.
Result<void> stringmatch_len(Call& call) {
  const Result<int64_t> length = integer_arg(call.arg(2), 0, call.config().proto_max_bulk_len);
  if (!length) return length.error();
  const std::string text(static_cast<size_t>(*length), 'a');
  call.reply().integer(glob_match(call.arg(3), text) ? 1 : 0);
  return kOk;
}

Result<void> help(Call& call);

struct DebugCommand {
  std::string_view name;
  std::string_view words;
  size_t least;  // words behind the name
  size_t most;
  Result<void> (*handler)(Call&);
  std::string_view summary;
};
constexpr size_t kAnyNumber = SIZE_MAX;

constexpr DebugCommand kDebugCommands[] = {
    {"ASSERT", "", 0, 0, fail_assertion, "End as where a check of the code fails."},
    {"CHANGE-REPL-ID", "", 0, 0, change_repl_id, "Take a new replication id."},
    {"DIGEST", "", 0, 0, digest, "A fingerprint of all data."},
    {"DIGEST-VALUE", " [<key> ...]", 0, kAnyNumber, digest_value,
     "Fingerprints of the values of these keys."},
    {"ERROR", " <text>", 1, 1, error, "Answer with an error of this text."},
    {"HELP", "", 0, 0, help, "Print this help."},
    {"LOG", " <message>", 1, 1, log, "Write a line to the server's log."},
    {"OBJECT", " <key>", 1, 1, object, "How a value is stored."},
    {"PANIC", "", 0, 0, end_in_panic, "End as where going on would do harm."},
    {"POPULATE", " <count> [<prefix>] [<size>]", 1, 3, populate,
     "Add <count> keys that are not there yet, named key:<n> or <prefix>:<n>."},
    {"PROTOCOL", " <type>", 1, 1, protocol,
     "Answer with a value of this type: string, integer, double, bignum, null, array, set, map, "
     "attrib, push, verbatim, true or false."},
    {"RELOAD", " [<option> ...]", 0, kAnyNumber, reload,
     "Save an RDB file and load it again. Options: NOSAVE, NOFLUSH, MERGE."},
    {"REPLICATE", " <word> [<word> ...]", 1, kAnyNumber, replicate,
     "Send a command to the replicas that is not run here: their data will differ."},
    {"SEGFAULT", "", 0, 0, segfault, "End by SIGSEGV."},
    {"SET-ACTIVE-EXPIRE", " <0|1>", 1, 1, set_active_expire,
     "Stop or resume looking for keys whose time has come."},
    {"SLEEP", " <seconds>", 1, 1, sleep, "Hold the server; fractions are allowed."},
    {"STRINGMATCH-LEN", " <len> <pattern>", 2, 2, stringmatch_len,
     "Match a pattern against <len> times the letter a."},
};

Result<void> help(Call& call) {
  ReplyWriter& reply = call.reply();
  reply.array(1 + 2 * std::size(kDebugCommands));
  reply.simple(to_upper(call.arg(0)) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const DebugCommand& command : kDebugCommands) {
    reply.simple(std::string(command.name) + std::string(command.words));
    reply.simple("    " + std::string(command.summary));
  }
  return kOk;
}

Result<void> debug(Call& call) {
  const size_t words = call.arg_count() - 2;
  for (const DebugCommand& command : kDebugCommands) {
    if (!iequals(command.name, call.arg(1))) continue;
    if (words < command.least || words > command.most) break;
    return command.handler(call);
  }
  return Error("unknown subcommand or wrong number of arguments for '" +
               std::string(call.arg(1).substr(0, 128)) + "'. Try " + to_upper(call.arg(0)) +
               " HELP.");
}

constexpr Command<Call> kCommands[] = {
    {{.name = "DEBUG",
      .flags = kAdmin | kNoScript | kLoading | kStale | kProtected | kSysCmd,
      .summary = "A container for debugging commands",
      .since = "1.0.0",
      .complexity = "Depends on subcommand.",
      .arity = -2},
     debug},
};

}  // namespace

CommandFamily<Call> debug_commands() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
