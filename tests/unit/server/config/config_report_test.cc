#include "server/config/config_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "server/config/options.h"
#include "server/config/server_config.h"

namespace redan {
namespace {

using testing::HasSubstr;
using testing::Not;

struct OneFile : FileSource {
  std::string text;
  explicit OneFile(std::string its_text) : text(std::move(its_text)) {}
  Result<std::string> read(const std::string&) override { return text; }
  std::vector<std::string> match(const std::string& pattern) override { return {pattern}; }
};

// The directives that stand uncommented in the redis.conf which ships with Redis 7.2.
constexpr const char* kStockDirectives = R"(
bind 127.0.0.1 -::1
protected-mode yes
port 6379
tcp-backlog 511
timeout 0
tcp-keepalive 300
daemonize no
pidfile /var/run/redis_6379.pid
loglevel notice
logfile ""
databases 16
always-show-logo no
set-proc-title yes
proc-title-template "{title} {listen-addr} {server-mode}"
locale-collate ""
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename dump.rdb
rdb-del-sync-files no
dir ./
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync yes
repl-diskless-sync-delay 5
repl-diskless-sync-max-replicas 0
repl-diskless-load disabled
repl-disable-tcp-nodelay no
replica-priority 100
acllog-max-len 128
lazyfree-lazy-eviction no
lazyfree-lazy-expire no
lazyfree-lazy-server-del no
replica-lazy-flush no
lazyfree-lazy-user-del no
lazyfree-lazy-user-flush no
oom-score-adj no
oom-score-adj-values 0 200 800
disable-thp yes
appendonly no
appendfilename "appendonly.aof"
appenddirname "appendonlydir"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes
aof-timestamp-enabled no
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events ""
hash-max-listpack-entries 512
hash-max-listpack-value 64
list-max-listpack-size -2
list-compress-depth 0
set-max-intset-entries 512
set-max-listpack-entries 128
set-max-listpack-value 64
zset-max-listpack-entries 128
zset-max-listpack-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing yes
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
aof-rewrite-incremental-fsync yes
rdb-save-incremental-fsync yes
jemalloc-bg-thread yes
)";

const StartDirectives kNothing = {
    .rename = [](std::string_view, std::string_view) { return Error("nothing to rename here"); },
    .check_user = [](std::span<const std::string>) { return kOk; }};

TEST(ConfigReport, TheStockConfigurationReads) {
  OneFile files(kStockDirectives);
  const Result<std::string> report = check_config("redis.conf", files, kNothing);
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_THAT(*report, HasSubstr("redis.conf: 72 directives read"));
  EXPECT_THAT(*report, HasSubstr("Not yet effective, at their default:"));
  EXPECT_THAT(*report, HasSubstr("  appendfsync everysec\n"));
  EXPECT_THAT(*report, Not(HasSubstr("not at their default")));
  EXPECT_THAT(*report, Not(HasSubstr("  port ")));
}

TEST(ConfigReport, WhatMattersComesFirstAndSecretsStaySo) {
  OneFile files("port 1\nappendonly yes\ntls-key-file-pass secret\nmaxmemory 10mb\n");
  const Result<std::string> report = check_config("x.conf", files, kNothing);
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(*report, HasSubstr("x.conf: 4 directives read, 2 of them not yet effective\n"));
  EXPECT_THAT(*report, HasSubstr("not at their default (accepted and kept):\n"));
  EXPECT_THAT(*report, HasSubstr("  appendonly yes\n"));
  EXPECT_THAT(*report, Not(HasSubstr("maxmemory")));
  EXPECT_THAT(*report, HasSubstr("  tls-key-file-pass ***\n"));
  EXPECT_THAT(*report, Not(HasSubstr("secret")));
}

TEST(ConfigReport, SentinelDirectivesAreRefused) {
  OneFile files("sentinel monitor a 127.0.0.1 1 2\n");
  EXPECT_THAT(check_config("x.conf", files, kNothing).error().message(),
              HasSubstr("sentinel directive while not in sentinel mode"));
}

TEST(ConfigReport, ARenameIsTriedWhereItStands) {
  OneFile files("port 1\nrename-command GET \"\"\nrename-command set store\n");
  std::vector<std::string> asked;
  const Result<std::string> report =
      check_config("x.conf", files,
                   {.rename = [&](std::string_view name, std::string_view to) -> Result<void> {
                      asked.push_back(std::string(name) + "=" + std::string(to));
                      if (name == "set") return Error("Target command name already exists");
                      return kOk;
                    },
                    .check_user = kNothing.check_user});
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message(), HasSubstr("at line 3\n>>> 'rename-command set store'\n"
                                                  "Target command name already exists\n"));
  EXPECT_EQ(asked, (std::vector<std::string>{"GET=", "set=store"}));
}

TEST(ConfigReport, AUserIsCheckedWhereItStands) {
  OneFile files("port 1\nuser alice on +get\nuser bob on +nonsense\n");
  StartDirectives at_start = kNothing;
  at_start.check_user = [](std::span<const std::string> words) -> Result<void> {
    if (words.back() == "+nonsense") return Error("no such rule");
    return kOk;
  };
  const Result<std::string> report = check_config("x.conf", files, at_start);
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message(),
              HasSubstr("at line 3\n>>> 'user bob on +nonsense'\nno such rule\n"));
}

TEST(ConfigReport, UsersStandInTheFileOrInAnother) {
  OneFile files("user alice on\naclfile /etc/users.acl\n");
  EXPECT_THAT(check_config("x.conf", files, kNothing).error().message(), HasSubstr("but not both"));
}

TEST(SampleConfig, NamesEveryOptionAndReadsBackAsTheDefaults) {
  const std::string sample = sample_config();
  OneFile files(sample);
  ServerConfig config;
  Registry registry(config, server_options());
  registry.begin_load();
  const Result<void> read = load_file(registry, "redan.conf", files);
  ASSERT_TRUE(read.ok()) << read.error().message();
  for (const Option* option : registry.options()) {
    EXPECT_TRUE(registry.at_fallback(*option)) << option->name;
    if (!option->hidden) {
      EXPECT_THAT(sample, HasSubstr("\n# " + std::string(option->doc)));
      EXPECT_EQ(registry.loaded(*option), option->change != Change::kFileOnly) << option->name;
    }
  }
  // Rewriting it changes nothing: every line says what it would be written as.
  EXPECT_EQ(*rewrite_text(registry, {"redan.conf", sample}, files), sample);
}

TEST(SampleConfig, TheFileInDeployIsUpToDate) {
  const std::string path = std::string(REDAN_SOURCE_DIR) + "/deploy/redan.conf";
  if (std::getenv("REDAN_WRITE_SAMPLE") != nullptr) std::ofstream(path) << sample_config();
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_TRUE(text.str() == sample_config())
      << path << " differs; write it: REDAN_WRITE_SAMPLE=1 unit_server_config";
}

}  // namespace
}  // namespace redan
