// --check-config tells which directives have no effect yet. That a directive has one is only
// believed with evidence: its field is read by the server, or a line here says how it acts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "server/config/options.h"

namespace redan {
namespace {

std::string field_of(std::string_view name) {
  std::string field(name);
  std::replace(field.begin(), field.end(), '-', '_');
  return field;
}

// Every word behind `config.` or `config_.` in the server's code outside of server/config.
std::set<std::string> fields_read() {
  std::set<std::string> fields;
  const std::regex use("config(?:_|\\(\\))?\\.(\\w+)");
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(REDAN_SOURCE_DIR "/server")) {
    const std::string path = entry.path().string();
    const bool code = path.ends_with(".cc") || path.ends_with(".h");
    if (!code || path.find("/server/config/") != std::string::npos) continue;
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    const std::string all = text.str();
    for (auto at = std::sregex_iterator(all.begin(), all.end(), use); at != std::sregex_iterator();
         ++at) {
      fields.insert((*at)[1]);
    }
  }
  return fields;
}

// Directives that act although no code outside of server/config reads their field, and how.
const std::map<std::string, std::string> kActsOtherwise = {
    {"rename-command", "directives_at_start() renames as it reads: rename_command_test.py"},
    {"proc-title-template", "process_title() is pure and lives here: host_process_test.py"},
    {"rdb-del-sync-files", "always so: a full sync leaves no file behind (server/drivers README)"},
    {"rdb-save-incremental-fsync", "always so: SnapshotFile asks for write-out every 4 MiB"},
    {"replica-lazy-flush", "always so: LazyFree frees the old data after a full sync"},
};

// Directives whose field is read, but whose part is not (wholly) there.
const std::map<std::string, std::string> kReadButNotEffective = {
    {"appendonly", "WAITAOF's error depends on it"},
};

TEST(Effective, WhatIsCalledEffectiveIsRead) {
  const std::set<std::string> fields = fields_read();
  ASSERT_TRUE(fields.contains("maxclients"));  // The search finds something.
  for (const Option* option : server_options()) {
    const std::string name(option->name);
    const bool read = fields.contains(field_of(name));
    if (option->effective) {
      EXPECT_TRUE(read || kActsOtherwise.contains(name)) << name << " has no effect";
      EXPECT_FALSE(read && kActsOtherwise.contains(name)) << name << " needs no excuse any more";
    } else {
      EXPECT_TRUE(!read || kReadButNotEffective.contains(name))
          << name << " is read: is it effective now?";
      EXPECT_FALSE(kActsOtherwise.contains(name)) << name;
    }
  }
}

TEST(Effective, TheTablesNameDirectivesThatExist) {
  std::map<std::string, bool> effective;
  for (const Option* option : server_options()) {
    effective[std::string(option->name)] = option->effective;
  }
  for (const auto& [name, how] : kActsOtherwise) EXPECT_TRUE(effective.contains(name)) << name;
  for (const auto& [name, why] : kReadButNotEffective) {
    ASSERT_TRUE(effective.contains(name)) << name;
    EXPECT_FALSE(effective[name]) << name << " is effective: take it off the table";
  }
}

}  // namespace
}  // namespace redan
