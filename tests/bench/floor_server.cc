// What the kernel alone costs: a server that receives and sends what a data node would, and does
// nothing in between. It counts the '*' that begin requests and answers each with +OK.
//
//     floor_server PORT
//
// tests/bench/run.py puts it beside the real servers: the distance to this line is what a server
// can still win, the line itself is the price of sockets on the machine at hand.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

// A '*' and a number; an argument that is a '*' is none.
size_t requests_in(std::string_view bytes) {
  size_t requests = 0;
  for (size_t at = bytes.find('*'); at != std::string_view::npos; at = bytes.find('*', at + 1)) {
    if (at + 1 == bytes.size() || (bytes[at + 1] >= '0' && bytes[at + 1] <= '9')) ++requests;
  }
  return requests;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: floor_server PORT\n", stderr);
    return 2;
  }
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 511) != 0) {
    std::perror("floor_server");
    return 1;
  }
  const int poll = ::epoll_create1(0);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);

  std::vector<char> arena(64 * 1024);
  const std::string ok = "+OK\r\n";
  std::string replies;
  while (replies.size() < arena.size()) replies += ok;
  epoll_event events[512];
  while (true) {
    const int count = ::epoll_wait(poll, events, 512, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.data.fd = client;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      const ssize_t got = ::recv(fd, arena.data(), arena.size(), 0);
      if (got <= 0) {
        ::close(fd);
        continue;
      }
      const size_t requests = requests_in({arena.data(), static_cast<size_t>(got)});
      (void)!::send(fd, replies.data(), requests * ok.size(), MSG_NOSIGNAL);
    }
  }
}
