// The dispatcher, as EXEC (and later scripts) need it: commands run from inside a command.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/resp/writer.h"
#include "server/session/session.h"

namespace redan {

class Dispatching {
 public:
  virtual ~Dispatching() = default;
  // Runs the queue as one transaction and writes the array of its replies. What it changed is
  // replicated between MULTI and EXEC.
  virtual Result<void> execute_transaction(Session& session,
                                           const std::vector<QueuedCommand>& queue,
                                           ReplyWriter& reply) = 0;
};

}  // namespace redan
