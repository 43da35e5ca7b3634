// SENTINEL: what operators change, and the declaration of all its subcommands.
#include <utility>

#include "common/base/glob.h"
#include "common/base/parse.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "common/log/log.h"
#include "sentinel/command/families.h"
#include "sentinel/command/sentinel_views.h"

namespace redan {

namespace {

using Change = std::function<Result<void>(SentinelMachine&, Instant, SentinelEffects&)>;

// Runs `change`; answers OK or its error once the effects are finished, the state saved.
void operate_and_answer(SentinelService& sentinel, const SentinelCall::Finish& finish,
                        Change change) {
  auto outcome = std::make_shared<Result<void>>();
  sentinel.operate([change = std::move(change), outcome](
                       SentinelMachine& machine, Instant now,
                       SentinelEffects& out) { *outcome = change(machine, now, out); },
                   [outcome, finish] {
                     finish([outcome](ReplyWriter& reply) {
                       *outcome ? reply.ok() : reply.error(outcome->error());
                     });
                   });
}

Result<void> change_and_answer(SentinelCall& call, Change change) {
  operate_and_answer(call.sentinel, call.later(), std::move(change));
  return kOk;
}

Error bad_host() {
  return Error("Invalid IP address or hostname specified");
}

Result<void> monitor(SentinelCall& call) {
  const auto quorum = parse_int64(call.arg(5));
  if (!quorum) return Error("Invalid quorum");
  const auto port = parse_int64(call.arg(4));
  if (*quorum <= 0 || *quorum > INT32_MAX) return Error("Quorum must be 1 or greater.");
  if (!port) return Error("Invalid port");
  if (*port < 1 || *port > 65535) return Error("Invalid port number.");
  const std::string host = call.word(3);
  Address address{.port = static_cast<uint16_t>(*port)};
  const auto watch = [name = call.word(2), quorum = static_cast<uint32_t>(*quorum)](Address at) {
    return [name, quorum, at = std::move(at)](SentinelMachine& machine, Instant now,
                                              SentinelEffects& out) {
      return machine.monitor(now, name, at, quorum, out);
    };
  };
  if (is_ip_literal(host)) {
    address.ip = host;
    return change_and_answer(call, watch(std::move(address)));
  }
  if (!call.sentinel.machine().options().resolve_hostnames) return bad_host();
  address.hostname = host;
  // The client waits for the answer of DNS, nobody else.
  SentinelCall::Finish finish = call.later();
  call.sentinel.resolve(
      host, [&sentinel = call.sentinel, finish, watch, address](const Result<std::string>& ip) {
        if (!ip) return finish([](ReplyWriter& reply) { reply.error(bad_host()); });
        Address found = address;
        found.ip = *ip;
        operate_and_answer(sentinel, finish, watch(std::move(found)));
      });
  return kOk;
}

Result<void> remove(SentinelCall& call) {
  return change_and_answer(
      call, [name = call.word(2)](SentinelMachine& machine, Instant now, SentinelEffects& out) {
        return machine.remove(now, name, out);
      });
}

Result<void> failover(SentinelCall& call) {
  return change_and_answer(call,
                           [name = call.word(2)](SentinelMachine& machine, Instant now,
                                                 SentinelEffects& out) -> Result<void> {
                             Result<void> begun = machine.failover(now, name, out);
                             if (begun)
                               log_warning("Executing user requested FAILOVER of '{}'", name);
                             return begun;
                           });
}

Result<void> flush_config(SentinelCall& call) {
  return change_and_answer(call, [](SentinelMachine& machine, Instant, SentinelEffects& out) {
    return machine.flush_config(out);
  });
}

Result<void> reset(SentinelCall& call) {
  auto count = std::make_shared<size_t>(0);
  SentinelCall::Finish finish = call.later();
  call.sentinel.operate(
      [pattern = call.word(2), count](SentinelMachine& machine, Instant now, SentinelEffects& out) {
        *count = machine.reset(now, pattern, out);
      },
      [count, finish] {
        finish([count](ReplyWriter& reply) { reply.integer(static_cast<int64_t>(*count)); });
      });
  return kOk;
}

Result<void> set(SentinelCall& call) {
  std::vector<std::string> words;
  for (size_t i = 3; i < call.args.size(); ++i) words.push_back(call.word(i));
  return change_and_answer(call, [name = call.word(2), words = std::move(words)](
                                     SentinelMachine& machine, Instant now, SentinelEffects& out) {
    return machine.set(now, name, words, out);
  });
}

Result<void> is_down(SentinelCall& call) {
  const auto port = parse_int64(call.arg(3));
  const auto epoch = parse_int64(call.arg(4));
  if (!port || !epoch || *epoch < 0 || *port < 0 || *port > 65535) return not_an_integer();
  AskPrimaryDown question;
  const std::string host = call.word(2);
  (is_ip_literal(host) ? question.primary.ip : question.primary.hostname) = host;
  question.primary.port = static_cast<uint16_t>(*port);
  question.epoch = Epoch(static_cast<uint64_t>(*epoch));
  if (call.arg(5) != "*") {
    question.candidate = NodeId::from_hex(call.arg(5));
    if (!question.candidate) return Error("Invalid runid, expected 40 hex digits or *");
  }
  SentinelCall::Finish finish = call.later();
  call.sentinel.ask(std::move(question), [finish](const PrimaryDownReply& answer) {
    finish([&answer](ReplyWriter& reply) {
      reply.array(3);
      reply.integer(answer.down ? 1 : 0);
      reply.bulk(answer.leader ? answer.leader->hex() : "*");
      reply.integer(static_cast<int64_t>(answer.leader_epoch.value_or(Epoch{}).value));
    });
  });
  return kOk;
}

// ---- SENTINEL CONFIG

Error only_get_and_set() {
  return Error("Only SENTINEL CONFIG GET <option> / SET <option> <value> are supported.");
}

Result<void> config(SentinelCall& call) {
  const SentinelConf now = call.sentinel.settings();
  if (iequals(call.arg(2), "get") && call.args.size() == 4) {
    const size_t start = call.reply.begin_deferred();
    size_t found = 0;
    for (const GlobalSetting& setting : global_settings()) {
      if (!glob_match(call.arg(3), setting.name, Case::kInsensitive)) continue;
      call.reply.bulk(setting.name);
      call.reply.bulk(setting.get(now));
      ++found;
    }
    call.reply.end_map(start, found);
    return kOk;
  }
  if (!iequals(call.arg(2), "set") || call.args.size() != 5) return only_get_and_set();
  for (const GlobalSetting& setting : global_settings()) {
    if (!iequals(call.arg(3), setting.name)) continue;
    SentinelConf changed = now;
    if (!setting.set(changed, call.word(4))) {
      return Error("Invalid value '" + call.word(4) + "' to SENTINEL CONFIG SET '" + call.word(3) +
                   "'");
    }
    SentinelCall::Finish finish = call.later();
    call.sentinel.change_settings(changed,
                                  [finish] { finish([](ReplyWriter& reply) { reply.ok(); }); });
    return kOk;
  }
  return Error("Invalid argument '" + call.word(3) + "' to SENTINEL CONFIG SET");
}

// ---- SENTINEL DEBUG

struct Timing {
  std::string_view name;
  Millis SentinelTimings::*field;
};
constexpr Timing kTimings[] = {
    {"INFO-PERIOD", &SentinelTimings::info_period},
    {"PING-PERIOD", &SentinelTimings::ping_period},
    {"ASK-PERIOD", &SentinelTimings::ask_period},
    {"PUBLISH-PERIOD", &SentinelTimings::publish_period},
    {"DEFAULT-DOWN-AFTER", &SentinelTimings::default_down_after},
    {"DEFAULT-FAILOVER-TIMEOUT", &SentinelTimings::default_failover_timeout},
    {"TILT-TRIGGER", &SentinelTimings::tilt_trigger},
    {"TILT-PERIOD", &SentinelTimings::tilt_period},
    {"SLAVE-RECONF-TIMEOUT", &SentinelTimings::slave_reconf_timeout},
    {"MIN-LINK-RECONNECT-PERIOD", &SentinelTimings::min_link_reconnect_period},
    {"ELECTION-TIMEOUT", &SentinelTimings::election_timeout},
    {"SCRIPT-MAX-RUNTIME", &SentinelTimings::script_max_runtime},
    {"SCRIPT-RETRY-DELAY", &SentinelTimings::script_retry_delay},
};

Result<void> debug(SentinelCall& call) {
  SentinelTimings timings = call.sentinel.machine().options().timings;
  if (call.args.size() == 2) {
    call.reply.map(std::size(kTimings));
    for (const Timing& timing : kTimings) {
      call.reply.bulk(timing.name);
      call.reply.bulk(std::to_string((timings.*timing.field).count()));
    }
    return kOk;
  }
  for (size_t i = 2; i < call.args.size(); i += 2) {
    const Timing* found = nullptr;
    for (const Timing& timing : kTimings) {
      if (iequals(timing.name, call.arg(i))) found = &timing;
    }
    if (found == nullptr || i + 1 == call.args.size()) {
      return Error("Unknown option or number of arguments for SENTINEL DEBUG '" + call.word(i) +
                   "'");
    }
    const auto ms = parse_int64(call.arg(i + 1));
    if (!ms || *ms <= 0 || *ms > INT32_MAX) {
      return Error("Invalid argument '" + call.word(i + 1) + "' for SENTINEL DEBUG '" +
                   call.word(i) + "'");
    }
    timings.*found->field = Millis(*ms);
  }
  call.sentinel.change_timings(timings);
  call.reply.ok();
  return kOk;
}

Result<void> simulate_failure(SentinelCall& call) {
  SentinelService::Simulation wanted;
  for (size_t i = 2; i < call.args.size(); ++i) {
    if (iequals(call.arg(i), "crash-after-election")) {
      wanted.crash_after_election = true;
      log_warning(
          "Failure simulation: this Sentinel will crash after being successfully elected as "
          "failover leader");
    } else if (iequals(call.arg(i), "crash-after-promotion")) {
      wanted.crash_after_promotion = true;
      log_warning(
          "Failure simulation: this Sentinel will crash after promoting the selected replica "
          "to master");
    } else if (iequals(call.arg(i), "help")) {
      call.reply.array(2);
      call.reply.bulk("crash-after-election");
      call.reply.bulk("crash-after-promotion");
      return kOk;
    } else {
      return Error("Unknown failure simulation specified");
    }
  }
  call.sentinel.simulation() = wanted;
  call.reply.ok();
  return kOk;
}

Result<void> help(SentinelCall& call) {
  write_help(*call.commands.find("sentinel"), "sentinel", call.reply);
  return kOk;
}

constexpr uint32_t kAsk = kAdmin | kOnlySentinel;
constexpr std::string_view kO1 = "O(1)";
constexpr std::string_view kOn = "O(N) where N is the number of instances";

constexpr SentinelCommand kSubcommands[] = {
    {{.name = "CKQUORUM",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Checks whether quorum and majority for a failover can be reached.",
      .since = "2.8.4",
      .complexity = kO1},
     sentinel_views::check_quorum},
    {{.name = "CONFIG",
      .syntax = "(SET parameter value|GET parameter)",
      .flags = kAsk,
      .summary = "Shows or changes a global setting of this sentinel.",
      .since = "6.2.0",
      .complexity = kO1,
      .arity = -4},
     config},
    {{.name = "DEBUG",
      .syntax = "[parameter value [parameter value ...]]",
      .flags = kAsk,
      .summary = "Shows or changes the time parameters, in milliseconds.",
      .since = "7.0.0",
      .complexity = kO1,
      .arity = -2},
     debug},
    {{.name = "FAILOVER",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Hands over to a replica without asking other sentinels; loses no write.",
      .since = "2.8.4",
      .complexity = kO1},
     failover},
    {{.name = "FLUSHCONFIG",
      .flags = kAsk,
      .summary = "Writes the configuration and the state to disk.",
      .since = "2.8.4",
      .complexity = kO1},
     flush_config},
    {{.name = "GET-MASTER-ADDR-BY-NAME",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Returns the address of the primary with that name.",
      .since = "2.8.4",
      .complexity = kO1},
     sentinel_views::get_address},
    {{.name = "GET-PRIMARY-ADDR-BY-NAME",
      .syntax = "primary-name",
      .flags = kAsk,
      .summary = "Returns the address of the primary with that name.",
      .since = "8.0.0",
      .complexity = kO1},
     sentinel_views::get_address},
    {{.name = "HELP",
      .flags = kLoading | kStale | kOnlySentinel,
      .summary = "Prints this help.",
      .since = "6.2.0",
      .complexity = kO1},
     help},
    {{.name = "INFO-CACHE",
      .syntax = "nodename [nodename ...]",
      .flags = kAsk,
      .summary = "Returns the last INFO of a primary and its replicas, with its age.",
      .since = "3.2.0",
      .complexity = kOn},
     sentinel_views::info_cache},
    {{.name = "IS-MASTER-DOWN-BY-ADDR",
      .syntax = "ip port:integer current-epoch:integer runid",
      .flags = kAsk,
      .summary = "Tells a peer whether a primary is down for us, and whom we back.",
      .since = "2.8.4",
      .complexity = kO1},
     is_down},
    {{.name = "IS-PRIMARY-DOWN-BY-ADDR",
      .syntax = "ip port:integer current-epoch:integer runid",
      .flags = kAsk,
      .summary = "Tells a peer whether a primary is down for us, and whom we back.",
      .since = "8.0.0",
      .complexity = kO1},
     is_down},
    {{.name = "MASTER",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Shows the state of a primary.",
      .since = "2.8.4",
      .complexity = kO1},
     sentinel_views::primary},
    {{.name = "MASTERS",
      .flags = kAsk,
      .summary = "Shows the state of every primary.",
      .since = "2.8.4",
      .complexity = kOn},
     sentinel_views::primaries},
    {{.name = "MONITOR",
      .syntax = "name ip port:integer quorum:integer",
      .flags = kAsk,
      .summary = "Begins to watch a primary.",
      .since = "2.8.4",
      .complexity = kO1},
     monitor},
    {{.name = "MYID",
      .flags = kAsk,
      .summary = "Returns the identity of this sentinel.",
      .since = "6.2.0",
      .complexity = kO1},
     sentinel_views::my_id},
    {{.name = "PENDING-SCRIPTS",
      .flags = kAsk,
      .summary = "Shows scripts that run or wait.",
      .since = "2.8.4",
      .complexity = kOn},
     sentinel_views::pending_scripts},
    {{.name = "PRIMARIES",
      .flags = kAsk,
      .summary = "Shows the state of every primary.",
      .since = "8.0.0",
      .complexity = kOn},
     sentinel_views::primaries},
    {{.name = "PRIMARY",
      .syntax = "primary-name",
      .flags = kAsk,
      .summary = "Shows the state of a primary.",
      .since = "8.0.0",
      .complexity = kO1},
     sentinel_views::primary},
    {{.name = "REMOVE",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Stops watching a primary.",
      .since = "2.8.4",
      .complexity = kO1},
     remove},
    {{.name = "REPLICAS",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Shows the state of the replicas of a primary.",
      .since = "5.0.0",
      .complexity = kOn},
     sentinel_views::replicas},
    {{.name = "RESET",
      .syntax = "pattern",
      .flags = kAsk,
      .summary = "Forgets replicas, sentinels and a failover of matching primaries.",
      .since = "2.8.4",
      .complexity = kOn},
     reset},
    {{.name = "SENTINELS",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Shows the other sentinels that watch a primary.",
      .since = "2.8.4",
      .complexity = kOn},
     sentinel_views::sentinels},
    {{.name = "SET",
      .syntax = "master-name option value [option value ...]",
      .flags = kAsk,
      .summary = "Changes options of a watched primary, on this sentinel only.",
      .since = "2.8.4",
      .complexity = kO1,
      .arity = -5},
     set},
    {{.name = "SIMULATE-FAILURE",
      .syntax = "[CRASH-AFTER-ELECTION|CRASH-AFTER-PROMOTION|HELP [CRASH-AFTER-ELECTION|"
                "CRASH-AFTER-PROMOTION|HELP ...]]",
      .flags = kAsk,
      .summary = "Lets this sentinel crash at a step of the next failover.",
      .since = "3.2.0",
      .complexity = kO1,
      .arity = -3},
     simulate_failure},
    {{.name = "SLAVES",
      .syntax = "master-name",
      .flags = kAsk,
      .summary = "Shows the state of the replicas of a primary.",
      .since = "2.8.0",
      .complexity = kOn,
      .deprecated_since = "5.0.0",
      .replaced_by = "`SENTINEL REPLICAS`"},
     sentinel_views::replicas},
};

constexpr SentinelCommand kCommands[] = {
    {{.name = "SENTINEL",
      .flags = kAdmin | kOnlySentinel,
      .summary = "What sentinels are asked and told.",
      .since = "2.8.4",
      .complexity = "Depends on subcommand.",
      .arity = -2},
     nullptr,
     kSubcommands},
};

}  // namespace

SentinelFamily sentinel_family() {
  return {.group = Group::kSentinel, .commands = kCommands};
}

}  // namespace redan
