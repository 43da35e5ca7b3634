#include "sentinel/logic/info_text.h"

#include <algorithm>
#include <string>

#include "common/base/parse.h"

namespace redan {
namespace {

constexpr size_t kMostReplicas = 1024;

uint16_t port_of(std::string_view text) {
  const std::optional<int64_t> port = parse_int64(text);
  return port && *port > 0 && *port <= 65535 ? static_cast<uint16_t>(*port) : 0;
}

// "ip=10.0.0.1,port=6379,state=online,..." or, before Redis 2.8, "10.0.0.1,6379,online".
std::optional<Address> replica_of(std::string_view value) {
  Address address{.ip = "", .port = 0};
  const std::vector<std::string_view> fields = split(value, ',');
  for (const std::string_view field : fields) {
    if (field.starts_with("ip=")) address.ip = std::string(field.substr(3));
    if (field.starts_with("port=")) address.port = port_of(field.substr(5));
  }
  if (address.ip.empty() && fields.size() >= 3 && value.find('=') == std::string_view::npos) {
    address = {.ip = std::string(fields[0]), .port = port_of(fields[1])};
  }
  if (address.ip.empty() || address.port == 0) return std::nullopt;
  return address;
}

bool is_replica_line(std::string_view key) {
  return key.size() > 5 && key.starts_with("slave") &&
         std::all_of(key.begin() + 5, key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

InfoText parse_info(std::string_view text) {
  InfoText info;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (key == "run_id") {
      if (value.size() == 40) info.run_id = std::string(value);
    } else if (key == "role") {
      if (value == "master") info.is_primary = true;
      if (value == "slave") info.is_primary = false;
    } else if (key == "master_repl_offset") {
      info.primary_offset = parse_int64(value).value_or(0);
    } else if (key == "master_host") {
      info.primary_host = std::string(value);
    } else if (key == "master_port") {
      info.primary_port = port_of(value);
    } else if (key == "master_link_status") {
      info.link_up = value == "up";
    } else if (key == "master_full_sync_refused") {
      info.refuses_sync = value == "1";
    } else if (key == "master_link_down_since_seconds") {
      info.link_down_seconds = parse_int64(value).value_or(-1);
    } else if (key == "slave_priority") {
      info.priority = parse_int64(value).value_or(100);
    } else if (key == "slave_repl_offset") {
      info.replica_offset = parse_int64(value).value_or(0);
    } else if (key == "replica_announced") {
      info.announced = value != "0";
    } else if (is_replica_line(key) && info.replicas.size() < kMostReplicas) {
      if (std::optional<Address> address = replica_of(value)) {
        info.replicas.push_back(std::move(*address));
      }
    }
  }
  return info;
}

}  // namespace redan
