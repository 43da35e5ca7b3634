// Keeps a server busy: connections that always have a pipeline of requests under way.
//
//     load_generator PORT CONNECTIONS PIPELINE REQUESTS KEYS CPU WORD... [";" WORD...]
//
// "__rand_int__" in a word becomes twelve digits below KEYS; of several commands every pipeline
// takes one after the other. Runs on processor CPU alone (-1: anywhere). Ends with 0 when all
// requests were answered, with 1 and the text of the error when one was refused, so that nobody
// measures errors.
//
// It takes less processor time than the servers that it is for: replies are counted, not read.
// redis-benchmark takes more than they do, so that behind it a fast server is measured going to
// sleep and waking up.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::string_view kNumber = "__rand_int__";

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "load_generator: %s\n", why.c_str());
  std::exit(1);
}

// A pipeline whose numbers are drawn anew each time.
class Pipeline {
 public:
  // `depth` requests; the commands follow one another from number `first` on.
  Pipeline(const std::vector<std::vector<std::string>>& commands, size_t first, size_t depth,
           uint32_t keys)
      : keys_(keys) {
    for (size_t i = first; i < first + depth; ++i) {
      const auto& words = commands[i % commands.size()];
      bytes_ += "*" + std::to_string(words.size()) + "\r\n";
      for (const std::string& word : words) {
        bytes_ += "$" + std::to_string(word.size()) + "\r\n";
        if (const size_t at = word.find(kNumber); at != std::string::npos) {
          numbers_.push_back(bytes_.size() + at);
        }
        bytes_ += word + "\r\n";
      }
    }
  }

  std::string_view draw() {
    for (const size_t at : numbers_) {
      auto number = static_cast<uint32_t>(random_() % keys_);
      for (size_t digit = kNumber.size(); digit-- > 0; number /= 10) {
        bytes_[at + digit] = static_cast<char>('0' + number % 10);
      }
    }
    return bytes_;
  }

 private:
  uint32_t keys_;
  std::string bytes_;
  std::vector<size_t> numbers_;  // where they stand in bytes_
  std::minstd_rand random_;
};

// Counts the RESP2 replies of one connection.
class ReplyCounter {
 public:
  // How many replies end in `bytes`, the next ones of the stream.
  int ended_in(std::string_view bytes) {
    int ended = 0;
    while (!bytes.empty()) {
      if (text_left_ > 0) {
        const size_t part = std::min(text_left_, bytes.size());
        bytes.remove_prefix(part);
        text_left_ -= part;
        if (text_left_ == 0) ended += element_ended();
        continue;
      }
      const size_t end = bytes.find('\n');
      if (end == std::string_view::npos) {
        line_ += bytes;
        break;
      }
      std::string_view line = bytes.substr(0, end);
      if (!line_.empty()) {
        line_ += line;
        line = line_;
      }
      ended += line_ended(line);
      line_.clear();
      bytes.remove_prefix(end + 1);
    }
    return ended;
  }

 private:
  int line_ended(std::string_view line) {
    if (line[0] == '-') fail("the server says " + std::string(line));
    if (line[0] == '$' && line[1] != '-') {
      text_left_ = std::strtoul(line.data() + 1, nullptr, 10) + 2;
      return 0;
    }
    if (line[0] == '*' && line[1] != '-')
      elements_left_ += std::strtol(line.data() + 1, nullptr, 10);
    return element_ended();
  }

  int element_ended() {
    if (--elements_left_ > 0) return 0;
    elements_left_ = 1;
    return 1;
  }

  size_t text_left_ = 0;    // of a bulk string, with its line end
  long elements_left_ = 1;  // of the reply that has begun, nested ones too
  std::string line_;        // the first part of a line that is not complete
};

struct Connection {
  int descriptor = -1;
  int outstanding = 0;
  ReplyCounter replies;
};

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    fail(std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) fail(std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) fail("usage: PORT CONNECTIONS PIPELINE REQUESTS KEYS CPU WORD... [';' WORD...]");
  const int port = std::atoi(argv[1]);
  std::vector<Connection> connections(static_cast<size_t>(std::atoi(argv[2])));
  const int depth = std::atoi(argv[3]);
  const long requests = std::atol(argv[4]);
  const auto keys = static_cast<uint32_t>(std::max(1, std::atoi(argv[5])));
  if (const int cpu = std::atoi(argv[6]); cpu >= 0) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    if (::sched_setaffinity(0, sizeof only, &only) != 0)
      fail("no processor " + std::to_string(cpu));
  }
  std::vector<std::vector<std::string>> commands(1);
  for (int i = 7; i < argc; ++i) {
    if (std::strcmp(argv[i], ";") == 0) {
      commands.emplace_back();
    } else {
      commands.back().emplace_back(argv[i]);
    }
  }
  // Each goes on with the commands where the one before it ended.
  std::vector<Pipeline> pipelines;
  for (size_t i = 0; i < commands.size(); ++i) {
    pipelines.emplace_back(commands, i * static_cast<size_t>(depth), static_cast<size_t>(depth),
                           keys);
  }
  size_t turn = 0;

  const int poll = ::epoll_create1(0);
  long sent = 0;
  long answered = 0;
  const auto fire = [&](Connection& connection) {
    if (sent >= requests) return;
    send_all(connection.descriptor, pipelines[turn++ % pipelines.size()].draw());
    connection.outstanding = depth;
    sent += depth;
  };
  for (Connection& connection : connections) {
    connection.descriptor = connect_to(port);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, connection.descriptor, &event);
  }
  for (Connection& connection : connections) fire(connection);
  std::vector<char> arena(256 * 1024);
  std::array<epoll_event, 512> events{};
  while (answered < requests) {
    const int count = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), 60'000);
    if (count == 0) fail("no reply for a minute");
    for (int i = 0; i < count; ++i) {
      Connection& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
      const ssize_t got = ::recv(connection.descriptor, arena.data(), arena.size(), 0);
      if (got <= 0) fail("the server closed a connection");
      const int ended = connection.replies.ended_in({arena.data(), static_cast<size_t>(got)});
      answered += ended;
      connection.outstanding -= ended;
      if (connection.outstanding == 0) fire(connection);
    }
  }
  return 0;
}
