#include "server/config/config_report.h"

#include <fmt/core.h>

#include "common/base/parse.h"
#include "server/config/options.h"
#include "server/config/server_config.h"

namespace redan {
namespace {

std::string range_of(const Option& option) {
  if (option.unit != Unit::kNone || option.range.max == kInt64Max) return {};
  const ServerConfig config;
  if (!parse_int64(option.field.write(option, &config))) return {};
  return fmt::format(" ({} to {})", option.range.min, option.range.max);
}

}  // namespace

Result<void> directives_agree(const ServerConfig& config) {
  if (config.cluster_enabled && !config.replicaof.host.empty()) {
    return Error(
        "replicaof directive not allowed in cluster mode; a node of a cluster follows another by "
        "CLUSTER REPLICATE, and remembers it in its cluster-config-file");
  }
  if (!config.aclfile.empty() && !config.user.lines.empty()) {
    return Error(
        "Configuring Redis with users defined in redis.conf and at the same setting an ACL file "
        "path is invalid. This setup is very likely to lead to configuration errors and security "
        "holes, please define either an ACL file or declare users directly in your redis.conf, but "
        "not both.");
  }
  return kOk;
}

OtherDirectives server_other_directives() {
  return {{"sentinel", [](std::span<const std::string>) -> Result<void> {
             return Error("sentinel directive while not in sentinel mode");
           }}};
}

namespace {
Result<void> keep(Registry& registry, std::string_view name, std::span<const std::string> words) {
  Words line = {std::string(name)};
  line.insert(line.end(), words.begin(), words.end());
  return registry.load_line(line);
}
}  // namespace

OtherDirectives directives_at_start(Registry& registry, StartDirectives directives) {
  OtherDirectives others = server_other_directives();
  others["rename-command"] = [&registry, rename = std::move(directives.rename)](
                                 std::span<const std::string> words) -> Result<void> {
    if (Result<void> read = keep(registry, "rename-command", words); !read) return read;
    return rename(words[0], words[1]);
  };
  others["user"] = [&registry, check = std::move(directives.check_user)](
                       std::span<const std::string> words) -> Result<void> {
    if (Result<void> read = keep(registry, "user", words); !read) return read;
    return check(words);
  };
  return others;
}

Result<std::string> check_config(const std::string& path, FileSource& files,
                                 StartDirectives at_start) {
  ServerConfig config;
  Registry registry(config, server_options());
  registry.begin_load();
  if (Result<void> read =
          load_file(registry, path, files, directives_at_start(registry, std::move(at_start)));
      !read) {
    return read.error();
  }
  if (Result<void> agreed = directives_agree(config); !agreed) return agreed.error();
  std::string changed;
  std::string same;
  int directives = 0;
  int waiting = 0;
  for (const Option* option : registry.options()) {
    if (!registry.loaded(*option)) continue;
    ++directives;
    if (option->effective) continue;
    ++waiting;
    const bool plain = registry.at_fallback(*option);
    for (const std::string& line : registry.lines(*option)) {
      const std::string shown = option->secret ? "***" : line;
      (plain ? same : changed) += fmt::format("  {} {}\n", option->name, shown);
    }
  }
  std::string report = fmt::format("{}: {} directives read, {} of them not yet effective\n", path,
                                   directives, waiting);
  if (!changed.empty()) {
    report += "Not yet effective, and not at their default (accepted and kept):\n" + changed;
  }
  if (!same.empty()) report += "Not yet effective, at their default:\n" + same;
  return report;
}

std::string sample_config() {
  const ServerConfig config;
  std::string out =
      "# Configuration of redan-server: every directive with its default.\n"
      "# Start with: redan-server /path/to/redan.conf. Written by redan-server "
      "--print-sample-config.\n"
      "# Sizes: 1k is 1000 bytes, 1kb is 1024; m, mb, g, gb likewise. Quotes as in \"two words\".\n"
      "# `include /path/other.conf` reads another file in its place; the last word wins.\n";
  for (const OptionGroup& group : server_option_groups()) {
    out += fmt::format("\n{0}\n# {1}\n{0}\n", std::string(80, '#'), group.title);
    for (const Option& option : group.options) {
      if (option.hidden) continue;
      out += fmt::format("\n# {}{}{}\n", option.doc, range_of(option),
                         option.effective ? "" : " Not yet effective.");
      const std::vector<std::string> lines = option.field.lines(option, &config);
      if (lines.empty()) out += fmt::format("# {} ...\n", option.name);
      for (const std::string& line : lines) out += fmt::format("{} {}\n", option.name, line);
    }
  }
  return out;
}

}  // namespace redan
