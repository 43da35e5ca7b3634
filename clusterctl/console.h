// What the verbs share at the terminal: errors, questions, steps and progress.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "clusterctl/command_line.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace redan {

int usage_error(const std::string& why);
int failed(const Error& error);
void warn(const std::string& text);

// The text of a plan was shown; may it be applied? --yes says so beforehand, --dry-run says no.
// Otherwise the operator is asked. kApply, or the exit code with which the verb ends.
enum class Answer { kApply, kShowOnly, kRefused };
Answer ask_to_apply(const CommandLine& line);
// --yes, or REDISCLI_CLUSTER_YES=1 as redis-cli has it.
bool said_yes(const CommandLine& line);
// --json has no room for a question: an error unless --yes or --dry-run came with it.
Result<void> json_needs_an_answer(const CommandLine& line);
// One line from the terminal or standard input; an error at its end, naming the option to use.
Result<std::string> ask_for(const std::string& question, const std::string& option);
// The same without showing what is typed.
Result<std::string> ask_secret(const std::string& question);

// Text for people: on standard output, or nowhere with --json.
class Console {
 public:
  explicit Console(const CommandLine& line) : quiet_(line.has("json")) {}
  bool quiet() const { return quiet_; }
  void say(const std::string& text) const;  // a line

 private:
  bool quiet_;
};

// How far a long piece of work is: a bar that is drawn over itself on a terminal, a plain line
// every few seconds elsewhere. Any thread may add. A total below 0 is not known: no bar, no rest.
class Progress {
 public:
  Progress(const Console& console, std::string what, std::string unit, int64_t total);
  ~Progress();
  void add(int64_t done);
  void end();  // draws the last state
  int64_t done() const { return done_; }
  Millis elapsed() const;

 private:
  void draw(bool last);
  int64_t due_after(Instant now) const;
  const bool quiet_;
  const bool terminal_;
  const std::string what_;
  const std::string unit_;
  const int64_t total_;
  const Instant begin_;
  std::atomic<int64_t> done_ = 0;
  std::mutex mutex_;              // one draws at a time
  std::atomic<int64_t> next_ns_;  // when to draw again
  bool ended_ = false;
};

// The line that Progress prints, without colours or line ends. Pure.
std::string progress_line(const std::string& what, const std::string& unit, int64_t done,
                          int64_t total, Millis elapsed, bool bar);

// Set by SIGINT and SIGTERM once watch_signals() was called: long work then ends where nothing is
// left half done. A second signal ends the program at once.
void watch_signals();
bool interrupted();

}  // namespace redan
