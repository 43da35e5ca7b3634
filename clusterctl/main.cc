// clusterctl: looks at a deployment and changes it, from the command line.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "clusterctl/execute.h"
#include "clusterctl/output.h"
#include "clusterctl/plan.h"
#include "clusterctl/view.h"
#include "common/base/parse.h"

namespace redan {
namespace {

constexpr const char* kHelp =
    "clusterctl looks after deployments of Redan (and Redis) servers.\n"
    "\n"
    "Usage: clusterctl VERB HOST:PORT [ARGUMENT] [OPTIONS]\n"
    "\n"
    "Verbs:\n"
    "  info HOST:PORT              show primary, replicas (offset, lag, link) and sentinels "
    "(quorum\n"
    "                              check); HOST:PORT is a sentinel, or a data node\n"
    "  failover HOST:PORT [NAME]   hand the primary NAME over to a replica without losing a "
    "write;\n"
    "                              HOST:PORT is a sentinel. Shows each step and the write gap\n"
    "\n"
    "Options:\n"
    "  --json                      print JSON instead of text\n"
    "  --user NAME                 user of data nodes\n"
    "  --password WORD             password of data nodes and sentinels (default: $REDISCLI_AUTH)\n"
    "  --sentinel-password WORD    password of sentinels, where it is another one\n"
    "  --timeout SECONDS           how long a hand-over may take (30)\n"
    "  --no-probe                  do not measure the write gap (it writes the key\n"
    "                              redan:clusterctl:probe, which expires after a minute)\n"
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  clusterctl info 127.0.0.1:26379\n"
    "  clusterctl info 127.0.0.1:6379 --json\n"
    "  clusterctl failover 127.0.0.1:26379 mymaster\n"
    "  REDISCLI_AUTH=secret clusterctl failover 10.0.0.5:26379 --timeout 60\n"
    "\n"
    "Exit codes: 0 done (info: healthy), 1 failed, 2 wrong usage, 3 info: something is not "
    "healthy.\n";

enum ExitCode { kDone = 0, kFailed = 1, kWrongUsage = 2, kNotHealthy = 3 };

struct Arguments {
  std::string verb;
  Endpoint at;
  std::string name;
  bool json = false;
  bool probe = true;
  Millis deadline{30'000};
  Access access;
};

int usage_error(const std::string& why) {
  std::fprintf(stderr, "clusterctl: %s\nTry: clusterctl --help\n", why.c_str());
  return kWrongUsage;
}

int failed(const Error& error) {
  std::fprintf(stderr, "clusterctl: %s\n", error.message().c_str());
  return kFailed;
}

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  std::vector<std::string> plain;
  if (const char* password = std::getenv("REDISCLI_AUTH")) arguments.access.password = password;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&]() -> Result<std::string> {
      if (i + 1 == words.size()) return Error(word + " needs a value behind it");
      return words[++i];
    };
    if (!word.starts_with("--")) {
      plain.push_back(word);
    } else if (word == "--json") {
      arguments.json = true;
    } else if (word == "--no-probe") {
      arguments.probe = false;
    } else if (word == "--user" || word == "--password" || word == "--sentinel-password") {
      Result<std::string> text = value();
      if (!text) return text.error();
      (word == "--user"       ? arguments.access.user
       : word == "--password" ? arguments.access.password
                              : arguments.access.sentinel_password) = *text;
    } else if (word == "--timeout") {
      Result<std::string> text = value();
      if (!text) return text.error();
      const auto seconds = parse_int64(*text);
      if (!seconds || *seconds < 1 || *seconds > 86400) {
        return Error("--timeout takes seconds from 1 to 86400, not '" + *text + "'");
      }
      arguments.deadline = Seconds(*seconds);
    } else {
      return Error("unknown option '" + word + "'");
    }
  }
  if (plain.empty()) return Error("no verb given");
  arguments.verb = plain[0];
  const bool failover = arguments.verb == "failover";
  if (!failover && arguments.verb != "info") {
    return Error("unknown verb '" + arguments.verb + "'; there are info and failover");
  }
  if (plain.size() < 2) return Error(arguments.verb + " needs an address HOST:PORT");
  if (plain.size() > (failover ? 3u : 2u)) return Error("too many words: '" + plain.back() + "'");
  Result<Endpoint> at = parse_endpoint(plain[1]);
  if (!at) return at.error();
  arguments.at = *at;
  if (plain.size() == 3) arguments.name = plain[2];
  return arguments;
}

int info(const Arguments& arguments) {
  const Result<TopologyView> view = look(arguments.at, arguments.access);
  if (!view) return failed(view.error());
  std::fputs((arguments.json ? show_json(*view) : show(*view)).c_str(), stdout);
  return healthy(*view) ? kDone : kNotHealthy;
}

int failover(const Arguments& arguments) {
  const Result<TopologyView> view = look(arguments.at, arguments.access);
  if (!view) return failed(view.error());
  const Result<FailoverPlan> plan = plan_failover(*view, arguments.at, arguments.name);
  if (!plan) return failed(plan.error());
  for (const std::string& warning : plan->warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  ExecuteOptions options{.access = arguments.access, .deadline = arguments.deadline};
  if (arguments.probe) options.probe_key = "redan:clusterctl:probe";
  const Result<FailoverReport> report =
      execute_failover(*plan, options, [&arguments](const std::string& step) {
        if (arguments.json) return;
        std::printf("%s\n", step.c_str());
        std::fflush(stdout);
      });
  if (!report) return failed(report.error());
  std::fputs((arguments.json ? show_json(*plan, *report) : show(*plan, *report)).c_str(), stdout);
  return kDone;
}

int run(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h" || word == "help") {
      std::fputs(kHelp, stdout);
      return kDone;
    }
    if (word == "--version") {
      std::printf("clusterctl %s\n", REDAN_VERSION);
      return kDone;
    }
  }
  const Result<Arguments> arguments = parse(words);
  if (!arguments) return usage_error(arguments.error().message());
  return arguments->verb == "info" ? info(*arguments) : failover(*arguments);
}

}  // namespace
}  // namespace redan

int main(int argc, char** argv) {
  return redan::run(std::vector<std::string>(argv + 1, argv + argc));
}
