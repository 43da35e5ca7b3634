// Where a node listens. Two addresses are the same when address and port are; the hostname is
// only how an operator wrote it, kept for configurations with resolve-hostnames. A name that is
// not resolved yet has an empty ip.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace redan {

struct Address {
  std::string ip;
  uint16_t port = 0;
  std::string hostname = {};

  bool resolved() const { return !ip.empty(); }
  // What is dialled when nothing is resolved yet.
  const std::string& dialled() const { return ip.empty() ? hostname : ip; }
  // "10.0.0.1:6379", the name by which replicas are listed.
  std::string text() const { return dialled() + ":" + std::to_string(port); }
  friend bool operator==(const Address& a, const Address& b) {
    return a.port == b.port && a.dialled() == b.dialled();
  }
  friend bool operator<(const Address& a, const Address& b) {
    return a.dialled() != b.dialled() ? a.dialled() < b.dialled() : a.port < b.port;
  }
};

// Whether `text` is a literal IPv4 or IPv6 address, as opposed to a name to be resolved.
bool is_ip_literal(const std::string& text);

}  // namespace redan
