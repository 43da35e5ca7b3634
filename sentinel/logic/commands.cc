#include "sentinel/logic/commands.h"

namespace redan {
namespace {

class Render {
 public:
  explicit Render(const std::map<std::string, std::string>& renamed) : renamed_(renamed) {}

  std::vector<Words> operator()(const AskPing&) const { return {{name("PING")}}; }
  std::vector<Words> operator()(const AskInfo&) const { return {{name("INFO")}}; }
  std::vector<Words> operator()(const PublishHello& hello) const {
    return {{name("PUBLISH"), "__sentinel__:hello", hello.payload}};
  }
  std::vector<Words> operator()(const Reconfigure& r) const {
    const Words replicaof =
        r.primary ? Words{name("SLAVEOF"), r.primary->dialled(), std::to_string(r.primary->port)}
                  : Words{name("SLAVEOF"), "NO", "ONE"};
    return {{name("MULTI")},
            replicaof,
            {name("CONFIG"), "REWRITE"},
            {name("CLIENT"), "KILL", "TYPE", "normal"},
            {name("CLIENT"), "KILL", "TYPE", "pubsub"},
            {name("EXEC")}};
  }
  std::vector<Words> operator()(const PauseWrites& pause) const {
    return {{name("CLIENT"), "PAUSE", std::to_string(pause.span.count()), "WRITE"}};
  }
  std::vector<Words> operator()(const UnpauseWrites&) const {
    return {{name("CLIENT"), "UNPAUSE"}};
  }
  std::vector<Words> operator()(const KillScript&) const { return {{name("SCRIPT"), "KILL"}}; }
  std::vector<Words> operator()(const AskPrimaryDown& ask) const {
    return {{"SENTINEL", "IS-MASTER-DOWN-BY-ADDR", ask.primary.dialled(),
             std::to_string(ask.primary.port), std::to_string(ask.epoch.value),
             ask.candidate ? ask.candidate->hex() : "*"}};
  }

 private:
  std::string name(const std::string& command) const {
    std::string lower;
    for (char c : command) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    const auto it = renamed_.find(lower);
    return it == renamed_.end() ? command : it->second;
  }
  const std::map<std::string, std::string>& renamed_;
};

}  // namespace

std::vector<Words> words(const Request& request,
                         const std::map<std::string, std::string>& renamed) {
  return std::visit(Render(renamed), request);
}

}  // namespace redan
