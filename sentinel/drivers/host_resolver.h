// Names of hosts become addresses on a thread of its own: a DNS server that does not answer delays
// other names, never the loop, a probe, or what must get to disk. Answers come on the loop, in the
// order of the questions. Its end waits for nobody: a lookup under way ends unheard.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"

namespace redan {

class OwnerLoop;

class HostResolver {
 public:
  using Lookup = std::function<Result<std::string>(const std::string& host)>;
  using Answer = std::function<void(const Result<std::string>& ip)>;
  // More names than this wait for nobody sensible; the next one is answered with an error.
  static constexpr size_t kMaxWaiting = 1024;

  // `lookup` may take its time; it runs on the resolver's thread.
  HostResolver(std::shared_ptr<OwnerLoop> owner, Lookup lookup);
  ~HostResolver();
  HostResolver(const HostResolver&) = delete;
  HostResolver& operator=(const HostResolver&) = delete;

  void resolve(std::string host, Answer answer);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace redan
