// How long a command waits at most, as WAIT, WAITAOF, CLIENT PAUSE, BLPOP and XREAD are told.
#pragma once

#include <optional>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/command/call.h"

namespace redan {

// The argument's milliseconds; zero stands for what the command says. An error in Redis' words
// where it is no number, negative, or ends after the clock's last moment. More than a century is
// taken for one, so that it can be added to any time.
Result<Millis> timeout_arg(const Call& call, size_t position);

// When a command is to stop blocking whose argument gives seconds, with a fraction (BLPOP ...);
// none: never, which zero stands for.
Result<std::optional<Instant>> blocking_deadline_arg(const Call& call, size_t position);
// The same for a span of time (XREAD's BLOCK, as timeout_arg reads it).
std::optional<Instant> blocking_deadline(const Call& call, Millis span);

}  // namespace redan
