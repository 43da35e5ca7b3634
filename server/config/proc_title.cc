#include "server/config/proc_title.h"

#include "common/base/parse.h"

namespace redan {
namespace {

std::string listen_address(const ServerConfig& config) {
  const int64_t port = config.port != 0 ? config.port : config.tls_port;
  if (port == 0) return config.unixsocket;
  return (config.bind.empty() ? "*" : config.bind.front()) + ":" + std::to_string(port);
}

std::string variable(std::string_view name, const ServerConfig& config, std::string_view title,
                     std::string_view config_file) {
  if (name == "title") return std::string(title);
  if (name == "listen-addr") return listen_address(config);
  if (name == "server-mode") return config.cluster_enabled ? "[cluster]" : "";
  if (name == "port") return std::to_string(config.port);
  if (name == "tls-port") return std::to_string(config.tls_port);
  if (name == "unixsocket") return config.unixsocket;
  return config_file.empty() ? "-" : std::string(config_file);
}

}  // namespace

std::string process_title(const ServerConfig& config, std::string_view title,
                          std::string_view config_file) {
  std::string out;
  std::string_view rest = config.proc_title_template;
  for (size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    const size_t close = rest.find('}', open);
    if (close == std::string_view::npos) break;
    out += rest.substr(0, open);
    out += variable(rest.substr(open + 1, close - open - 1), config, title, config_file);
    rest.remove_prefix(close + 1);
  }
  out += rest;
  return std::string(trim(out));
}

}  // namespace redan
