// Looks at what a new connection says first, without taking it: a port that speaks one protocol
// turns others away before a parser sees them.
#pragma once

#include <functional>
#include <string_view>

#include "common/base/time.h"

namespace boost::asio {
class io_context;
}

namespace redan {

enum class FirstBytes {
  kAsExpected,
  kDifferent,  // It said something else.
  kNothing,    // It said too little before the timeout, or closed.
};

// `expected` must live until `done` is called, on the loop. The descriptor stays the caller's.
void look_at_first_bytes(boost::asio::io_context& io, int fd, std::string_view expected,
                         Millis timeout, std::function<void(FirstBytes)> done);

}  // namespace redan
