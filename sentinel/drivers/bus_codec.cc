#include "sentinel/drivers/bus_codec.h"

#include <algorithm>
#include <array>

namespace redan {

namespace {

constexpr size_t kMaxText = 512;

Error bad(std::string_view field) {
  return Error("bad " + std::string(field));
}

void encode_address(const Address& address, wire::Address& out) {
  out.set_ip(address.ip);
  out.set_port(address.port);
  out.set_hostname(address.hostname);
}

Result<Address> decode_address(const wire::Address& message) {
  if (message.port() > 65535) return bad("port");
  if (message.ip().size() > kMaxText || message.hostname().size() > kMaxText) return bad("host");
  if (!message.ip().empty() && !is_ip_literal(message.ip())) return bad("ip");
  return Address{message.ip(), static_cast<uint16_t>(message.port()), message.hostname()};
}

// A name goes into logs, hellos and sentinel.conf: one word, printable.
bool is_name(const std::string& text) {
  return text.size() <= kMaxText && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return c > ' ' && c != ',' && c != 0x7f;
         });
}

}  // namespace

std::string encode_id(const NodeId& id) {
  return {reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size()};
}

std::optional<NodeId> decode_id(const std::string& bytes) {
  std::array<uint8_t, 20> id;
  if (bytes.size() != id.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return NodeId(id);
}

void encode(const NodeId& from, const AskPrimaryDown& question, wire::PrimaryDownQuestion& out) {
  out.set_from(encode_id(from));
  out.set_name(question.name);
  encode_address(question.primary, *out.mutable_primary());
  out.set_epoch(question.epoch.value);
  if (question.candidate) out.set_candidate(encode_id(*question.candidate));
  out.set_handover(question.handover);
}

Result<AskPrimaryDown> decode(const wire::PrimaryDownQuestion& message) {
  AskPrimaryDown question;
  if (!is_name(message.name())) return bad("name");
  question.name = message.name();
  Result<Address> primary = decode_address(message.primary());
  if (!primary) return primary.error().with_context("primary");
  question.primary = primary.take();
  question.epoch = Epoch(message.epoch());
  if (!message.candidate().empty()) {
    question.candidate = decode_id(message.candidate());
    if (!question.candidate) return bad("candidate");
  }
  question.handover = message.handover();
  return question;
}

void encode(const PrimaryDownReply& reply, wire::PrimaryDownAnswer& out) {
  out.set_down(reply.down);
  if (reply.leader) out.set_leader(encode_id(*reply.leader));
  if (reply.leader_epoch) out.set_leader_epoch(reply.leader_epoch->value);
}

Result<PrimaryDownReply> decode(const wire::PrimaryDownAnswer& message) {
  PrimaryDownReply reply;
  reply.down = message.down();
  if (!message.leader().empty()) {
    reply.leader = decode_id(message.leader());
    if (!reply.leader) return bad("leader");
  }
  if (message.has_leader_epoch()) reply.leader_epoch = Epoch(message.leader_epoch());
  return reply;
}

void encode(const Hello& hello, wire::Hello& out) {
  encode_address(hello.sentinel, *out.mutable_sentinel());
  out.set_id(encode_id(hello.id));
  out.set_current_epoch(hello.current_epoch.value);
  out.set_name(hello.name);
  encode_address(hello.primary, *out.mutable_primary());
  out.set_config_epoch(hello.config_epoch.value);
}

Result<Hello> decode(const wire::Hello& message) {
  Hello hello;
  Result<Address> at = decode_address(message.sentinel());
  if (!at) return at.error().with_context("sentinel");
  hello.sentinel = at.take();
  const auto id = decode_id(message.id());
  if (!id) return bad("id");
  hello.id = *id;
  hello.current_epoch = Epoch(message.current_epoch());
  if (message.name().empty() || !is_name(message.name())) return bad("name");
  hello.name = message.name();
  Result<Address> primary = decode_address(message.primary());
  if (!primary) return primary.error().with_context("primary");
  hello.primary = primary.take();
  hello.config_epoch = Epoch(message.config_epoch());
  return hello;
}

}  // namespace redan
