#include "server/command/keys/debug_protocol.h"

#include <string>

#include "common/base/parse.h"

namespace redan {
namespace {

constexpr size_t kElements = 3;

void elements(ReplyWriter& reply) {
  for (size_t i = 0; i < kElements; ++i) reply.integer(static_cast<int64_t>(i));
}

void array(ReplyWriter& reply) {
  reply.array(kElements);
  elements(reply);
}

void set(ReplyWriter& reply) {
  reply.set(kElements);
  elements(reply);
}

void map(ReplyWriter& reply) {
  reply.map(kElements);
  for (size_t i = 0; i < kElements; ++i) {
    reply.integer(static_cast<int64_t>(i));
    reply.boolean(i == 1);
  }
}

// An attribute stands before the reply that it belongs to; RESP2 gets the reply alone.
void attribute(ReplyWriter& reply) {
  if (reply.version() == Resp::k3) {
    reply.raw("|1\r\n");
    reply.bulk("key-popularity");
    reply.array(2);
    reply.bulk("key:123");
    reply.integer(90);
  }
  reply.bulk("Some real reply following the attribute");
}

void push(ReplyWriter& reply) {
  reply.push(2);
  reply.bulk("server-cpu-usage");
  reply.integer(42);
  reply.bulk("Some real reply following the push reply");
}

void big_number(ReplyWriter& reply) {
  constexpr std::string_view kDigits = "1234567999999999999999999999999999999";
  if (reply.version() == Resp::k2) return reply.bulk(kDigits);
  reply.raw("(");
  reply.raw(kDigits);
  reply.raw("\r\n");
}

struct Sample {
  std::string_view type;
  void (*write)(ReplyWriter&);
};

constexpr Sample kSamples[] = {
    {"string", [](ReplyWriter& reply) { reply.bulk("Hello World"); }},
    {"integer", [](ReplyWriter& reply) { reply.integer(12345); }},
    {"double", [](ReplyWriter& reply) { reply.number_double(3.141); }},
    {"bignum", big_number},
    {"null", [](ReplyWriter& reply) { reply.null(); }},
    {"array", array},
    {"set", set},
    {"map", map},
    {"attrib", attribute},
    {"push", push},
    {"verbatim", [](ReplyWriter& reply) { reply.verbatim("txt", "This is a verbatim\nstring"); }},
    {"true", [](ReplyWriter& reply) { reply.boolean(true); }},
    {"false", [](ReplyWriter& reply) { reply.boolean(false); }},
};

}  // namespace

Result<void> reply_sample(ReplyWriter& reply, std::string_view type) {
  for (const Sample& sample : kSamples) {
    if (!iequals(sample.type, type)) continue;
    if (sample.write == push && reply.version() == Resp::k2) {
      return Error("RESP2 is not supported by this command");
    }
    sample.write(reply);
    return kOk;
  }
  std::string known;
  for (const Sample& sample : kSamples) {
    known += (known.empty() ? "" : "|") + std::string(sample.type);
  }
  return Error("Wrong protocol type name. Please use one of the following: " + known);
}

}  // namespace redan
