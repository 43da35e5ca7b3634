// redan-server: reads its command line and configuration, then runs a node.

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "common/acl/directory.h"
#include "common/config/cli.h"
#include "common/config/disk.h"
#include "common/log/log.h"
#include "server/command/families.h"
#include "server/config/config_report.h"
#include "server/config/host_rules.h"
#include "server/config/options.h"
#include "server/drivers/crash_log.h"
#include "server/drivers/host_checks.h"
#include "server/drivers/memory_use.h"
#include "server/drivers/process.h"
#include "server/drivers/snapshot_check.h"
#include "server/node.h"

namespace redan {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return 1;
}

std::string own_path() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string() : path.string();
}

// The sentinel is a program of its own, in the same folder.
int become_sentinel(const std::vector<std::string>& argv) {
  const std::string program =
      (std::filesystem::path(own_path()).parent_path() / "redan-sentinel").string();
  std::vector<char*> args;
  for (const std::string& arg : argv) {
    if (arg != "--sentinel") args.push_back(const_cast<char*>(arg.c_str()));
  }
  args.push_back(nullptr);
  ::execv(program.c_str(), args.data());
  return complain("Can't start " + program + ": " + std::strerror(errno) +
                  ". redan-sentinel belongs beside redan-server.");
}

int check_rdb(const std::vector<std::string>& argv) {
  std::vector<std::string_view> args(argv.begin() + 1, argv.end());
  return check_rdb_main(args, stdout, stderr);
}

// False: this process could serve nobody.
bool prepare_host(ServerConfig& config) {
  const DescriptorPlan plan = secure_descriptors(config.maxclients);
  for (const std::string& warning : plan.warnings) log_warning("{}", warning);
  if (!plan.fatal.empty()) {
    log_warning("{}", plan.fatal);
    return false;
  }
  config.maxclients = plan.maxclients;
  const bool thp_off = config.disable_thp && disable_huge_pages();
  const StartFacts facts{
      .host = read_host(), .tcp_backlog = config.tcp_backlog, .disable_thp = thp_off};
  for (const std::string& warning : start_warnings(facts)) log_warning("{}", warning);
  return true;
}

StartDirectives about(ServerCommands& commands) {
  return {.rename = [&commands](std::string_view name,
                                std::string_view to) { return commands.rename(name, to); },
          .check_user =
              [&commands](std::span<const std::string> words) {
                return acl::check_declaration(words, commands);
              }};
}

int serve(const CommandLine& line, ProcessTitle& title) {
  ServerConfig config;
  Registry options(config, server_options());
  ServerCommands commands(server_families());
  DiskFiles files;
  std::string input;
  if (line.standard_input) {
    Result<std::string> read = read_standard_input();
    if (!read) return complain(read.error().message());
    input = read.take();
  }
  if (Result<void> loaded = load_configuration(options, line, input, files,
                                               directives_at_start(options, about(commands)));
      !loaded) {
    return complain(loaded.error().message());
  }
  if (Result<void> agreed = directives_agree(config); !agreed) {
    return complain(agreed.error().message());
  }
  const std::string config_file = line.config_file.empty() ? "" : files.absolute(line.config_file);
  if (!config.dir.empty() && ::chdir(config.dir.c_str()) != 0) {
    return complain("Can't chdir to '" + config.dir + "': " + std::strerror(errno) +
                    ". Set 'dir' to a folder that this user may enter.");
  }
  // Absolute from here on: paths are made of it, and a relative one would be entered twice.
  std::error_code unknown;
  config.dir = std::filesystem::current_path(unknown).string();
  if (unknown) return complain("Can't name the working folder: " + unknown.message());
  if (config.daemonize && !Supervisor::present(config.supervised)) {
    if (Result<void> result = go_to_background(); !result) {
      return complain(result.error().message());
    }
  }
  if (Result<void> opened = open_log({.file = config.logfile,
                                      .level = config.loglevel,
                                      .syslog = config.syslog_enabled,
                                      .syslog_ident = config.syslog_ident,
                                      .syslog_facility = static_cast<int>(config.syslog_facility)});
      !opened) {
    return complain(opened.error().message());
  }
  set_crash_log(config.crash_log_enabled, config.logfile);
  if (config.daemonize && config.pidfile.empty()) config.pidfile = "/var/run/redis.pid";
  if (!config.pidfile.empty()) write_pid_file(config.pidfile);

  log_notice("Redan version={}, bits=64, pid={}, just started", REDAN_VERSION, ::getpid());
  if (config_file.empty()) {
    log_warning(
        "Warning: no config file specified, using the default config. In order to specify a config "
        "file use redan-server /path/to/redis.conf");
  } else {
    log_notice("Configuration loaded");
  }
  Supervisor supervisor(config.supervised);
  supervisor.stop_for_upstart();
  if (!prepare_host(config)) return 1;
  log_notice("Running mode={}, port={}.", config.cluster_enabled ? "cluster" : "standalone",
             config.port);
  log_notice(" PID: {}", ::getpid());

  Node node({.config = config,
             .options = options,
             .commands = commands,
             .files = files,
             .config_file = config_file,
             .executable = own_path(),
             .title = title,
             .supervisor = supervisor});
  return node.run();
}

int check_host(ServerConfig config) {
  const auto checks = check_system(read_host(), config.maxclients, config.tcp_backlog);
  std::printf("%s", system_table(checks).c_str());
  return all_well(checks) ? 0 : 1;
}

int run(const std::vector<std::string>& argv, ProcessTitle& title) {
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  if (name.find("check-rdb") != std::string::npos) return check_rdb(argv);
  Result<CommandLine> line = parse_command_line(argv);
  if (!line) return complain(line.error().message());
  switch (line->action) {
    case CommandLine::Action::kHelp:
      std::printf("%s", usage(name).c_str());
      return 0;
    case CommandLine::Action::kVersion:
      std::printf("Redis server v=%s sha=00000000:0 malloc=jemalloc bits=64 build=redan\n",
                  REDAN_VERSION);
      return 0;
    case CommandLine::Action::kCheckSystem:
      return check_host({});
    case CommandLine::Action::kCheckConfig: {
      DiskFiles files;
      ServerCommands commands(server_families());
      Result<std::string> report = check_config(line->config_file, files, about(commands));
      if (!report) return complain(report.error().message());
      std::printf("%s", report->c_str());
      return 0;
    }
    case CommandLine::Action::kPrintSampleConfig:
      std::printf("%s", sample_config().c_str());
      return 0;
    case CommandLine::Action::kRun:
      break;
  }
  if (line->sentinel) return become_sentinel(argv);
  return serve(*line, title);
}

}  // namespace
}  // namespace redan

int main(int argc, char** argv) {
  redan::use_own_arena();  // This is the data thread.
  const std::vector<std::string> args(argv, argv + argc);
  redan::ProcessTitle title(argc, argv);
  return redan::run(args, title);
}
