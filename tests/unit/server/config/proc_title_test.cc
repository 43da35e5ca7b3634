#include "server/config/proc_title.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

std::string title(const std::string& words, const ServerConfig& config = {}) {
  ServerConfig with = config;
  with.proc_title_template = words;
  return process_title(with, "redan-server", "/etc/redan.conf");
}

TEST(ProcTitle, EachVariableHasItsValue) {
  ServerConfig config;
  config.port = 7000;
  config.bind = {"10.0.0.1", "::1"};
  config.unixsocket = "/run/s";
  EXPECT_EQ(title("{title} {listen-addr} {server-mode}", config), "redan-server 10.0.0.1:7000");
  EXPECT_EQ(title("{port} {tls-port} {unixsocket} {config-file}", config),
            "7000 0 /run/s /etc/redan.conf");
  config.cluster_enabled = true;
  EXPECT_EQ(title("x{server-mode}", config), "x[cluster]");
  EXPECT_EQ(process_title(config, "t", ""), "t 10.0.0.1:7000 [cluster]");
}

TEST(ProcTitle, WhereNothingListensTheSocketIsShown) {
  ServerConfig config;
  config.port = 0;
  config.unixsocket = "/run/s";
  EXPECT_EQ(title("{listen-addr}", config), "/run/s");
  config.tls_port = 7001;
  EXPECT_EQ(title("{listen-addr}", config), "*:7001");
  config.bind.clear();
  EXPECT_EQ(title("{listen-addr}", config), "*:7001");
}

TEST(ProcTitle, SpacesAtTheEndsAndUnfinishedBracesDoNoHarm) {
  EXPECT_EQ(title("  plain  "), "plain");
  EXPECT_EQ(title("{server-mode}"), "");
  EXPECT_EQ(title("a {port"), "a {port");
}

}  // namespace
}  // namespace redan
