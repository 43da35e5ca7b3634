// System calls around sockets, with errors that say what to do.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace redan::sockets {

// A listening, non-blocking socket. Address as in `bind`: IPv4, IPv6, "*" (all IPv4), "::*" (all
// IPv6), each with an optional leading '-'.
Result<int> listen_tcp(std::string address, int port, int backlog);
Result<int> listen_unix(const std::string& path, unsigned mode, int backlog);

void make_non_blocking(int descriptor);
// TCP_NODELAY, and keep-alive probes after `keepalive_s` seconds (0: none).
void tune(int descriptor, int64_t keepalive_s);
// SO_MARK, by which firewalls and routing know our packets; what the kernel refuses is logged.
void mark(int descriptor, uint32_t id);
// Takes TCP_NODELAY back.
void gather_packets(int descriptor);
bool is_loopback_peer(int descriptor);
// "127.0.0.1:6379", "[::1]:6379"; "?:0" where the socket is not connected any more.
std::string peer(int descriptor);
std::string local(int descriptor);
std::string unix_path(int descriptor);

}  // namespace redan::sockets
