// How long a command waits at most, as WAIT, WAITAOF and CLIENT PAUSE are told.
#pragma once

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/command/call.h"

namespace redan {

// The argument's milliseconds; zero stands for what the command says. An error in Redis' words
// where it is no number, negative, or ends after the clock's last moment. More than a century is
// taken for one, so that it can be added to any time.
Result<Millis> timeout_arg(const Call& call, size_t position);

}  // namespace redan
