#include "sentinel/logic/hello.h"

#include "common/base/parse.h"

namespace redan {
namespace {

// A hello is short; what is longer is not one.
constexpr size_t kLongestHello = 4096;

std::optional<Address> address_of(std::string_view host, std::string_view port) {
  const std::optional<int64_t> number = parse_int64(port);
  if (host.empty() || !number || *number <= 0 || *number > 65535) return std::nullopt;
  Address address{.ip = std::string(host), .port = static_cast<uint16_t>(*number)};
  if (!is_ip_literal(address.ip)) {
    address.hostname = address.ip;
    address.ip.clear();
  }
  return address;
}

}  // namespace

std::string format_hello(const Hello& hello) {
  return hello.sentinel.dialled() + "," + std::to_string(hello.sentinel.port) + "," +
         hello.id.hex() + "," + std::to_string(hello.current_epoch.value) + "," + hello.name + "," +
         hello.primary.dialled() + "," + std::to_string(hello.primary.port) + "," +
         std::to_string(hello.config_epoch.value);
}

std::optional<Hello> parse_hello(std::string_view payload) {
  if (payload.size() > kLongestHello) return std::nullopt;
  const std::vector<std::string_view> field = split(payload, ',');
  if (field.size() != 8) return std::nullopt;
  const std::optional<Address> sentinel = address_of(field[0], field[1]);
  const std::optional<NodeId> id = NodeId::from_hex(field[2]);
  const std::optional<uint64_t> current = parse_uint64(field[3]);
  const std::optional<Address> primary = address_of(field[5], field[6]);
  const std::optional<uint64_t> config = parse_uint64(field[7]);
  if (!sentinel || !id || !current || field[4].empty() || !primary || !config) return std::nullopt;
  if (Epoch(*current) > kLargestEpoch || Epoch(*config) > kLargestEpoch) return std::nullopt;
  return Hello{.sentinel = *sentinel,
               .id = *id,
               .current_epoch = Epoch(*current),
               .name = std::string(field[4]),
               .primary = *primary,
               .config_epoch = Epoch(*config)};
}

}  // namespace redan
