#include "common/net/first_bytes.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <memory>

#include "common/base/check.h"
#include "common/base/clock.h"

namespace redan {
namespace asio = boost::asio;

namespace {

// Peeking leaves the bytes in the kernel, so readiness does not tell that more came: ask again in
// short steps. The first bytes are there at once as a rule.
constexpr std::chrono::milliseconds kStep(5);

struct Look : std::enable_shared_from_this<Look> {
  Look(asio::io_context& io) : timer(io) {}

  void again() {
    std::array<char, 64> bytes;
    const ssize_t size =
        recv(fd, bytes.data(), std::min(bytes.size(), expected.size()), MSG_PEEK | MSG_DONTWAIT);
    const bool closed = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    if (closed) return done(FirstBytes::kNothing);
    const std::string_view seen(bytes.data(), size > 0 ? static_cast<size_t>(size) : 0);
    if (!expected.starts_with(seen)) return done(FirstBytes::kDifferent);
    if (seen.size() == expected.size()) return done(FirstBytes::kAsExpected);
    if (monotonic_now() >= deadline) return done(FirstBytes::kNothing);
    timer.expires_after(kStep);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->again();
    });
  }

  asio::steady_timer timer;
  int fd = -1;
  std::string_view expected;
  Instant deadline{};
  std::function<void(FirstBytes)> done;
};

}  // namespace

void look_at_first_bytes(asio::io_context& io, int fd, std::string_view expected, Millis timeout,
                         std::function<void(FirstBytes)> done) {
  REDAN_CHECK(expected.size() <= 64u);
  auto look = std::make_shared<Look>(io);
  look->fd = fd;
  look->expected = expected;
  look->deadline = monotonic_now() + timeout;
  look->done = std::move(done);
  look->again();
}

}  // namespace redan
