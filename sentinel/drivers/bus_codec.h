// The sentinel bus' messages as protobuf, and back. What comes from the wire is checked: identities
// have 20 bytes, ports fit, texts are short; anything else is an error that names the field.
#pragma once

#include <optional>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "proto/sentinel_bus.pb.h"
#include "sentinel/logic/hello.h"
#include "sentinel/logic/messages.h"

namespace redan {

namespace wire = sentinel::v1;

void encode(const NodeId& from, const AskPrimaryDown& question, wire::PrimaryDownQuestion& out);
void encode(const PrimaryDownReply& reply, wire::PrimaryDownAnswer& out);
void encode(const Hello& hello, wire::Hello& out);

Result<AskPrimaryDown> decode(const wire::PrimaryDownQuestion& message);
Result<PrimaryDownReply> decode(const wire::PrimaryDownAnswer& message);
Result<Hello> decode(const wire::Hello& message);

std::string encode_id(const NodeId& id);
std::optional<NodeId> decode_id(const std::string& bytes);

}  // namespace redan
