// clusterctl: looks at deployments and changes them, from the command line.
#include <cstdio>
#include <cstdlib>

#include "clusterctl/console.h"
#include "clusterctl/verbs.h"

namespace redan {
namespace {

int run(const Words& words) {
  if (words.size() == 1 && words[0] == "--version") {
    std::printf("clusterctl %s\n", REDAN_VERSION);
    return kDone;
  }
  if (words.size() == 1 && (words[0] == "--help" || words[0] == "-h")) {
    std::fputs(help(all_verbs(), common_options()).c_str(), stdout);
    return kDone;
  }
  Result<CommandLine> line = CommandLine::parse(all_verbs(), common_options(), words);
  if (!line) return usage_error(line.error().message());
  if (line->has("help")) {
    std::fputs(help(line->verb(), common_options()).c_str(), stdout);
    return kDone;
  }
  Access& access = line->access;
  if (const char* password = std::getenv("REDISCLI_AUTH")) access.password = password;
  if (line->has("pass")) access.password = line->text("pass");
  access.user = line->text("user");
  access.sentinel_password = line->text("sentinel-password");
  const Result<int64_t> timeout = line->number("connect-timeout", 2000, 1, 3'600'000);
  if (!timeout) return usage_error(timeout.error().message());
  access.timeout = Millis(*timeout);
  if (line->has("askpass")) {
    Result<std::string> password = ask_secret("Password: ");
    if (!password) return usage_error(password.error().message());
    access.password = password.take();
  }
  return line->verb().run(*line);
}

}  // namespace
}  // namespace redan

int main(int argc, char** argv) {
  return redan::run(redan::Words(argv + 1, argv + argc));
}
