// The process and what it offers: INFO ROLE COMMAND SHUTDOWN.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/command/args.h"
#include "common/command/docs.h"
#include "sentinel/command/families.h"
#include "sentinel/drivers/bus.h"

namespace redan {

namespace {

class Section {
 public:
  explicit Section(std::string name) : text_("# " + std::move(name) + "\r\n") {}
  template <class T>
  Section& field(std::string_view name, const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      text_.append(name).append(":").append(std::to_string(value)).append("\r\n");
    } else {
      text_.append(name).append(":").append(value).append("\r\n");
    }
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string server_section(const SentinelCall& call) {
  utsname system{};
  uname(&system);
  const SentinelTraffic& traffic = call.port.traffic();
  const int64_t uptime = whole_ms(call.sentinel.now() - traffic.started) / 1000;
  char path[4096] = "";
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  return Section("Server")
      .field("redis_version", REDAN_VERSION)
      .field("redan_version", REDAN_VERSION)
      .field("redis_mode", "sentinel")
      .field("os", std::string(system.sysname) + " " + system.release + " " + system.machine)
      .field("arch_bits", 64)
      .field("multiplexing_api", "epoll")
      .field("process_id", getpid())
      .field("run_id", traffic.run_id)
      .field("tcp_port", call.sentinel.config().port)
      .field("redan_bus_port", bus_port(static_cast<int>(call.sentinel.config().port)))
      .field("server_time_usec", wall_now_us())
      .field("uptime_in_seconds", uptime)
      .field("uptime_in_days", uptime / 86400)
      .field("executable", std::string_view(path, size > 0 ? static_cast<size_t>(size) : 0))
      .field("config_file", call.sentinel.config_file())
      .take();
}

std::string clients_section(const SentinelCall& call) {
  return Section("Clients")
      .field("connected_clients", call.port.clients().size())
      .field("maxclients", call.sentinel.config().maxclients)
      .field("blocked_clients", 0)
      .take();
}

std::string stats_section(const SentinelCall& call) {
  const SentinelTraffic& traffic = call.port.traffic();
  size_t channels = 0;
  size_t patterns = 0;
  for (const SentinelClient* client : call.port.clients()) {
    channels += client->channels.size();
    patterns += client->patterns.size();
  }
  return Section("Stats")
      .field("total_connections_received", traffic.connections)
      .field("total_commands_processed", traffic.commands)
      .field("rejected_connections", traffic.rejected)
      .field("pubsub_channels", channels)
      .field("pubsub_patterns", patterns)
      .field("total_error_replies", traffic.errors)
      .take();
}

std::string seconds(const timeval& time) {
  char text[64];
  std::snprintf(text, sizeof text, "%ld.%06ld", static_cast<long>(time.tv_sec),
                static_cast<long>(time.tv_usec));
  return text;
}

std::string cpu_section() {
  rusage own{};
  rusage children{};
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return Section("CPU")
      .field("used_cpu_sys", seconds(own.ru_stime))
      .field("used_cpu_user", seconds(own.ru_utime))
      .field("used_cpu_sys_children", seconds(children.ru_stime))
      .field("used_cpu_user_children", seconds(children.ru_utime))
      .take();
}

Result<void> info(SentinelCall& call) {
  const auto wanted = [&call](std::string_view section) {
    if (call.args.size() == 1) return true;
    for (const std::string_view arg : call.args.subspan(1)) {
      for (const std::string_view every : {"all", "default", "everything"}) {
        if (iequals(arg, every)) return true;
      }
      if (iequals(arg, section)) return true;
    }
    return false;
  };
  std::string text;
  const auto add = [&](std::string_view name, auto make) {
    if (!wanted(name)) return;
    if (!text.empty()) text += "\r\n";
    text += make();
  };
  add("server", [&] { return server_section(call); });
  add("clients", [&] { return clients_section(call); });
  add("stats", [&] { return stats_section(call); });
  add("cpu", [] { return cpu_section(); });
  add("sentinel", [&] {
    const SentinelService& sentinel = call.sentinel;
    const auto info = sentinel.machine().info_section(sentinel.now(), sentinel.scripts().running(),
                                                      sentinel.scripts().queued());
    // The machine does not know what the driver simulates.
    constexpr std::string_view kFlags = "sentinel_simulate_failure_flags:0";
    std::string section = info;
    if (const size_t at = section.find(kFlags); at != std::string::npos) {
      section.replace(at + kFlags.size() - 1, 1,
                      std::to_string(call.sentinel.simulation().flags()));
    }
    return section;
  });
  call.reply.verbatim("txt", text);
  return kOk;
}

Result<void> role(SentinelCall& call) {
  const auto names = call.sentinel.machine().primary_names();
  call.reply.array(2);
  call.reply.bulk("sentinel");
  call.reply.array(names.size());
  for (const std::string& name : names) call.reply.bulk(name);
  return kOk;
}

Result<void> shutdown(SentinelCall& call) {
  for (const std::string_view arg : call.args.subspan(1)) {
    bool known = false;
    for (const std::string_view word : {"nosave", "save", "now", "force"}) {
      known = known || iequals(arg, word);
    }
    if (!known) return syntax_error();
  }
  call.port.disconnect(call.client);
  call.sentinel.shut_down();
  return kOk;
}

// ---- COMMAND

Result<void> command_every(SentinelCall& call) {
  command_all(call.commands, call.reply);
  return kOk;
}
Result<void> count(SentinelCall& call) {
  command_count(call.commands, call.reply);
  return kOk;
}
Result<void> list(SentinelCall& call) {
  return command_list(call.commands, call.args, call.reply);
}
Result<void> info_of(SentinelCall& call) {
  command_info(call.commands, call.args, call.reply);
  return kOk;
}
Result<void> docs(SentinelCall& call) {
  command_docs(call.commands, call.args, call.reply);
  return kOk;
}
Result<void> getkeys(SentinelCall& call) {
  return command_getkeys(call.commands, call.args, call.reply);
}
Result<void> command_help(SentinelCall& call) {
  write_help(*call.commands.find("command"), "command", call.reply);
  return kOk;
}

constexpr uint32_t kFlags = kLoading | kStale | kSentinelToo;
constexpr std::string_view kOn = "O(N) where N is the number of commands";

constexpr SentinelCommand kCommandCommands[] = {
    {{.name = "COUNT",
      .flags = kFlags,
      .summary = "Returns how many commands there are.",
      .since = "2.8.13",
      .complexity = "O(1)"},
     count},
    {{.name = "DOCS",
      .syntax = "[command-name [command-name ...]]",
      .flags = kFlags,
      .summary = "Describes commands for people.",
      .since = "7.0.0",
      .complexity = kOn},
     docs},
    {{.name = "GETKEYS",
      .syntax = "command [arg ...]",
      .flags = kFlags,
      .summary = "Finds the keys of a call.",
      .since = "2.8.13",
      .complexity = "O(N) where N is the number of arguments",
      .arity = -3},
     getkeys},
    {{.name = "HELP",
      .flags = kFlags,
      .summary = "Prints this help.",
      .since = "5.0.0",
      .complexity = "O(1)"},
     command_help},
    {{.name = "INFO",
      .syntax = "[command-name [command-name ...]]",
      .flags = kFlags,
      .summary = "Describes commands for programs.",
      .since = "2.8.13",
      .complexity = kOn},
     info_of},
    {{.name = "LIST",
      .syntax = "[filterby: FILTERBY (MODULE module-name|ACLCAT category|PATTERN pattern)]",
      .flags = kFlags,
      .summary = "Lists the names of commands.",
      .since = "7.0.0",
      .complexity = kOn},
     list},
};

constexpr SentinelCommand kCommands[] = {
    {{.name = "INFO",
      .syntax = "[section [section ...]]",
      .flags = kFlags,
      .summary = "Describes the sentinel in sections of name:value lines.",
      .since = "1.0.0",
      .complexity = "O(1)"},
     info},
    {{.name = "ROLE",
      .flags = kNoScript | kFast | kFlags,
      .summary = "Returns \"sentinel\" and the names of the watched primaries.",
      .since = "2.8.12",
      .complexity = "O(1)"},
     role},
    {{.name = "COMMAND",
      .flags = kFlags,
      .summary = "Describes all commands for programs.",
      .since = "2.8.13",
      .complexity = kOn,
      .arity = -1},
     command_every,
     kCommandCommands},
    {{.name = "SHUTDOWN",
      .syntax = "[NOSAVE|SAVE] [NOW] [FORCE]",
      .flags = kAdmin | kNoScript | kNoMulti | kAllowBusy | kFlags,
      .summary = "Stops the sentinel.",
      .since = "1.0.0",
      .complexity = "O(1)"},
     shutdown},
};

}  // namespace

SentinelFamily server_family() {
  return {.group = Group::kServer, .commands = kCommands};
}

}  // namespace redan
