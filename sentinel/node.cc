#include "sentinel/node.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "common/base/parse.h"
#include "common/base/rng.h"
#include "common/config/cli.h"
#include "common/config/disk.h"
#include "common/log/log.h"
#include "common/net/event_loop.h"
#include "sentinel/drivers/sentinel_driver.h"
#include "sentinel/front/sentinel_front.h"

namespace redan {

namespace {

constexpr const char* kUsage =
    "Usage: redan-sentinel SENTINEL.CONF [--directive value ...]\n"
    "       redan-sentinel --help | --version\n"
    "\n"
    "Watches Redis-compatible primaries and their replicas, agrees with other sentinels when a\n"
    "primary is down, and promotes a replica. The file is read and rewritten: it holds the state.\n"
    "\n"
    "A configuration to begin with:\n"
    "  port 26379\n"
    "  sentinel monitor mymaster 127.0.0.1 6379 2\n"
    "  sentinel down-after-milliseconds mymaster 5000\n"
    "\n"
    "Examples:\n"
    "  redan-sentinel /etc/redan/sentinel.conf\n"
    "  redan-sentinel sentinel.conf --port 26380 --loglevel verbose\n"
    "\n"
    "It listens on `port` for clients and stock sentinels, and on port + 10000 for its peers.\n";

int fail(const std::string& why) {
  log_warning("{}", why);
  return 1;
}

struct Loaded {
  SentinelConfig config;
  SentinelConf conf;
};

// Passwords of `user` lines are not understood yet, and a sentinel must not run open because of
// that. The line that stock sentinels write for an open default user says nothing new.
Result<void> read_user_line(std::span<const std::string> words, const SentinelConfig& config) {
  bool open = false;
  for (const std::string& word : words) open = open || word == "nopass";
  const bool is_default = !words.empty() && words[0] == "default";
  if (is_default && (open || !config.requirepass.empty())) return kOk;
  return Error("ACL users are not supported in sentinel.conf yet: use 'requirepass' instead");
}

Result<Loaded> load(const CommandLine& line, DiskFiles& files) {
  Loaded loaded;
  Registry registry(loaded.config, sentinel_options());
  registry.reset();
  registry.begin_load();
  std::vector<std::vector<std::string>> statements;
  std::vector<std::vector<std::string>> users;
  OtherDirectives others;
  others["sentinel"] = [&](std::span<const std::string> words) -> Result<void> {
    if (words.empty()) return Error("Unrecognized sentinel configuration statement.");
    statements.emplace_back(words.begin(), words.end());
    return kOk;
  };
  others["user"] = [&](std::span<const std::string> words) -> Result<void> {
    users.emplace_back(words.begin(), words.end());
    return kOk;
  };
  for (const std::string_view name : directives_without_effect()) {
    others[std::string(name)] = [](std::span<const std::string>) -> Result<void> { return kOk; };
  }
  if (Result<void> read = load_configuration(registry, line, {}, files, others); !read) {
    return read.error();
  }
  for (const auto& user : users) {
    if (Result<void> read = read_user_line(user, loaded.config); !read) return read.error();
  }
  if (Result<void> read = apply_statements(statements, loaded.conf); !read) return read.error();
  return loaded;
}

Result<void> check_hosts(const SentinelConf& conf) {
  if (conf.options.resolve_hostnames) return kOk;
  for (const DurablePrimary& primary : conf.state.primaries) {
    if (primary.address.ip.empty()) {
      return Error("CONFIG", "Can't resolve instance hostname '" + primary.address.hostname +
                                 "' of '" + primary.name +
                                 "': use an IP address, or set 'sentinel resolve-hostnames yes'");
    }
  }
  return kOk;
}

void write_pid(const std::string& path) {
  std::ofstream out(path);
  out << getpid() << '\n';
  if (!out) log_warning("Failed to write PID file: {}", std::strerror(errno));
}

}  // namespace

int run_sentinel(std::span<const std::string> argv) {
  Result<CommandLine> line = parse_command_line(argv);
  if (!line) return fail(line.error().message());
  if (line->action == CommandLine::Action::kHelp) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (line->action == CommandLine::Action::kVersion) {
    std::printf("Redan sentinel v=%s bits=64\n", REDAN_VERSION);
    return 0;
  }
  set_log_role(LogRole::kSentinel);
  DiskFiles files;
  if (line->config_file.empty()) {
    return fail(
        "Sentinel started without a config file. Exiting... (redan-sentinel SENTINEL.CONF)");
  }
  const std::string path = files.absolute(line->config_file);
  if (access(path.c_str(), R_OK) != 0) {
    return fail(
        fmt::format("Fatal error, can't open config file '{}': {}", path, std::strerror(errno)));
  }
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  for (const std::string& needed : {path, folder}) {
    if (access(needed.c_str(), W_OK) == 0) continue;
    return fail(fmt::format(
        "Sentinel config file {} is not writable: {}{}. Exiting...", path, std::strerror(errno),
        needed == folder ? " (its folder must be writable too, for it is replaced as a whole)"
                         : ""));
  }
  Result<Loaded> loaded = load(*line, files);
  if (!loaded) return fail(loaded.error().message());
  SentinelConfig& config = loaded->config;
  SentinelConf& conf = loaded->conf;
  if (chdir(config.dir.c_str()) != 0) {
    return fail(fmt::format("Can't chdir to '{}': {}", config.dir, std::strerror(errno)));
  }
  if (config.daemonize && daemon(1, 0) != 0) {
    return fail(fmt::format("Can't daemonize: {}", std::strerror(errno)));
  }
  const Result<void> logging = open_log({.file = config.logfile,
                                         .level = config.loglevel,
                                         .syslog = config.syslog_enabled,
                                         .syslog_ident = config.syslog_ident});
  if (!logging) return fail(logging.error().message());
  log_warning("oO0OoO0OoO0Oo Redan is starting oO0OoO0OoO0Oo");
  log_warning("Redan version={}, bits=64, pid={}, just started", REDAN_VERSION, getpid());
  log_warning("Configuration loaded");
  if (Result<void> checked = check_hosts(conf); !checked) return fail(checked.error().message());

  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  Rng rng(system_seed());
  if (conf.state.id.empty()) conf.state.id = rng.node_id();
  EventLoop loop;
  std::function<void()> stop;
  auto driver = SentinelDriver::open(
      loop, {.config_file = path, .config = config, .conf = conf, .seed = rng.next()},
      [&stop] { stop(); });
  if (!driver) return fail(driver.error().message() + ". Exiting...");
  auto front = SentinelFront::open(loop, **driver, rng.node_id().hex());
  if (!front) return fail(front.error().message() + ". Exiting...");
  (*driver)->on_event([&front](const std::string& channel, const std::string& text) {
    (*front)->publish(channel, text);
  });
  stop = [&] {
    log_warning("User requested shutdown...");
    (*driver)->stop();
    // Replies on their way (SHUTDOWN of others, QUIT) leave first; then the loop ends.
    loop.post([&] {
      (*front)->close_all();
      loop.stop();
    });
  };
  loop.on_signals({SIGTERM, SIGINT}, [&](int signal) {
    log_warning("Received {} scheduling shutdown...", signal == SIGINT ? "SIGINT" : "SIGTERM");
    stop();
  });
  if (config.daemonize || !config.pidfile.empty()) {
    write_pid(config.pidfile.empty() ? "/var/run/redis.pid" : config.pidfile);
  }
  log_notice("Running mode=sentinel, port={}.", config.port);
  log_notice("Sentinel new configuration saved on disk");
  (*driver)->start();
  loop.run();
  if (!config.pidfile.empty()) unlink(config.pidfile.c_str());
  log_warning("Sentinel is now ready to exit, bye bye...");
  return 0;
}

}  // namespace redan
