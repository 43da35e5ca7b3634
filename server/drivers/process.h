// This process as its host sees it: in the background or not, its pid file, its title in the list
// of processes, what its supervisor hears, its score for the out-of-memory killer (host_checks).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "server/config/server_config.h"

namespace redan {

// daemonize: the caller goes on in a child of its own session, away from the terminal.
Result<void> go_to_background();

// Logs when it cannot be written; the server runs all the same.
void write_pid_file(const std::string& path);

// Writes over the memory of the command line, where the kernel looks for the title. Made once, at
// the beginning of main(): the environment lies behind it and is moved away first.
class ProcessTitle {
 public:
  ProcessTitle(int argc, char** argv);
  ProcessTitle(const ProcessTitle&) = delete;
  ProcessTitle& operator=(const ProcessTitle&) = delete;
  // What does not fit is cut off.
  void set(std::string_view title);
  const std::string& original() const { return original_; }  // argv[0]

 private:
  std::string original_;
  char* begin_;
  size_t size_;
};

// Who started us, and how to tell him that we are ready.
class Supervisor {
 public:
  // Looks at the environment: kAuto becomes what is found there, and one that is asked for but not
  // there becomes kNo with a line in the log.
  explicit Supervisor(Supervised wanted);
  // Without a word: is there one as wanted?
  static bool present(Supervised wanted);

  Supervised kind() const { return kind_; }
  const char* name() const;  // for INFO
  // upstart: stops this process, which upstart takes for readiness and continues.
  void stop_for_upstart();
  // systemd: lines of its notification protocol, "READY=1" and such. Nothing for the others.
  void notify(std::string_view lines);

 private:
  Supervised kind_;
  std::string socket_;  // of NOTIFY_SOCKET
};

}  // namespace redan
