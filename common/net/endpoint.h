// Where something listens: a host (an IP address, or a name that is yet to be resolved) and a port.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace redan {

struct Endpoint {
  std::string host;
  int port = 0;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "10.0.0.1:6379", "[::1]:6379".
std::string to_text(const Endpoint& endpoint);
inline std::ostream& operator<<(std::ostream& out, const Endpoint& endpoint) {
  return out << to_text(endpoint);
}
// The same text read back; the host may be a name. An error names what is wrong with it.
Result<Endpoint> parse_endpoint(std::string_view text);

bool is_ip_address(std::string_view host);
// 127.0.0.0/8, ::1 and the IPv4-mapped form of the former.
bool is_loopback(std::string_view ip);

// One IP address of a host name: IPv4 where there is one. Asks the system's resolver and waits for
// its answer, so call it at start-up or from a background thread. An IP address is its own answer.
Result<std::string> resolve_now(const std::string& host);

// The address of ours that a connection to `ip` would come from; empty where there is no route.
std::string source_address_for(const std::string& ip);

}  // namespace redan
