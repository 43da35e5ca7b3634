// What a connection does with the requests that it reads. The dispatcher implements it; everything
// is called on the data thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/resp/request_parser.h"
#include "common/resp/writer.h"
#include "server/session/session.h"

namespace redan {

enum class Executed : uint8_t {
  kDone,
  // Not now: the connection stops reading, and after resume_reading() the same request comes again.
  kLater,
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual void opened(Session& session) = 0;
  // `raw` is the request as it came, byte for byte.
  virtual Executed execute(Session& session, std::span<const std::string_view> args,
                           std::string_view raw, ReplyWriter& reply) = 0;
  virtual RequestLimits limits(const Session& session) const = 0;
  // The client sent what is no request; it has been told and will be closed.
  virtual void malformed(Session& session, std::string_view why) = 0;
  // Around the requests of one wake-up; batch_done comes last, before the replies are written.
  virtual void batch_begins() = 0;
  // Bytes of one client have been read and will now be executed.
  virtual void input_begins() = 0;
  // Several requests of one client that will be executed next, if nothing comes between.
  virtual void look_ahead(const Session& /*session*/, const RequestsAhead& /*requests*/) {}
  // They were executed, as far as they are whole; the bytes may go.
  virtual void input_ends() = 0;
  // All that came in was executed. What it set off is still to be done, and may answer others.
  virtual void batch_ends() {}
  virtual void batch_done() = 0;
  virtual void closed(Session& session) = 0;
};

}  // namespace redan
