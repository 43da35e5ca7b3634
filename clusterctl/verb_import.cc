// import: brings the keys of a standalone server into a cluster. The server itself sends them
// (MIGRATE), each to the node that owns its slot.
#include <algorithm>
#include <cstdio>

#include "clusterctl/console.h"
#include "clusterctl/look.h"
#include "clusterctl/migrate_request.h"
#include "clusterctl/mover.h"
#include "clusterctl/output.h"
#include "clusterctl/verbs.h"
#include "common/base/clock.h"
#include "common/base/crc16.h"
#include "common/base/parse.h"

namespace redan {

namespace {

constexpr int kAttempts = 5;  // for keys whose slot moved in the meantime

struct Outcome {
  int64_t sent = 0;
  int64_t same = 0;     // in the cluster already, with the same value
  Words conflicts;      // the first of those that are there with another value
  int64_t differs = 0;  // and how many
};

class Import {
 public:
  Import(const CommandLine& line, NodeClient source, ClusterSnapshot snapshot)
      : line_(line), source_(std::move(source)), snapshot_(std::move(snapshot)) {}

  Result<int64_t> size() {
    Result<Reply> info = source_.ask({"INFO"});
    if (!info) return info.error();
    const InfoFields fields = read_info(info->text);
    if (field(fields, "redis_mode") == "cluster" || field(fields, "cluster_enabled") == "1") {
      return Error("PLAN",
                   to_text(source_.at()) + " is a cluster node; import reads a standalone server");
    }
    for (const auto& [name, text] : fields) {
      if (!name.starts_with("db") || name == "db0" || !parse_int64(name.substr(2))) continue;
      warn(to_text(source_.at()) + " has keys in " + name + " (" + text +
           "): a cluster has database 0 only, they stay where they are");
    }
    Result<Reply> count = source_.ask({"DBSIZE"});
    if (!count) return count.error();
    return count->integer;
  }

  Result<Outcome> run(Progress& progress) {
    if (Result<void> ready = connect_targets(); !ready) return ready.error();
    source_.raw().set_timeout(Seconds(120));
    std::string cursor = "0";
    do {
      if (interrupted()) return outcome_;
      Result<Reply> page = source_.ask({"SCAN", cursor, "COUNT", std::to_string(burst_.keys())});
      if (!page) return page.error();
      if (page->elements.size() != 2) return Error("REPLY", "SCAN answered no page");
      cursor = page->elements[0].text;
      Words keys;
      for (const Reply& key : page->elements[1].elements) keys.push_back(key.text);
      const auto named_keys = static_cast<int64_t>(keys.size());
      Result<void> sent = send(std::move(keys));
      if (!sent) return sent.error();
      progress.add(named_keys);
    } while (cursor != "0");
    complete_ = true;
    return outcome_;
  }
  bool complete() const { return complete_; }

 private:
  Result<void> connect_targets() {
    targets_.clear();
    for (const NodeSnapshot* node : snapshot_.primaries()) {
      Result<NodeClient> client = NodeClient::connect(node->at, line_.access);
      if (!client) return client.error();
      targets_.emplace(node->id(), client.take());
    }
    return kOk;
  }

  // Keys, each to its owner; those whose slot moved meanwhile again, with a fresh view.
  Result<void> send(Words keys) {
    for (int attempt = 0; !keys.empty(); ++attempt) {
      if (attempt == kAttempts) {
        return Error("MOVE", "the slot of key '" + keys.front() +
                                 "' keeps moving; try again when "
                                 "no reshard is under way");
      }
      if (attempt > 0) {
        rest(Millis(200));
        Result<ClusterSnapshot> fresh = look_at_cluster(line_.address(), line_.access);
        if (!fresh) return fresh.error();
        snapshot_ = fresh.take();
        if (Result<void> ready = connect_targets(); !ready) return ready;
      }
      Result<Words> left = send_once(keys);
      if (!left) return left.error();
      keys = left.take();
    }
    return kOk;
  }

  Result<Words> send_once(const Words& keys) {
    std::map<NodeId, Words> by_owner;
    Words left;
    for (const std::string& key : keys) {
      const std::vector<const NodeSnapshot*> owners = snapshot_.owners(slot_of_key(key));
      if (owners.size() == 1 && owners[0]->reachable) {
        by_owner[owners[0]->id()].push_back(key);
      } else {
        left.push_back(key);
      }
    }
    if (!line_.has("replace")) {
      for (auto& [id, names] : by_owner) {
        if (Result<void> done = set_aside_existing(targets_.at(id), names); !done) {
          return done.error();
        }
      }
    }
    std::vector<std::pair<NodeId, Words>> sent;
    for (auto& [id, names] : by_owner) {
      if (names.empty()) continue;
      source_.queue(migrate_request(*snapshot_.find(id), names));
      sent.emplace_back(id, std::move(names));
    }
    const Instant begin = monotonic_now();
    Result<std::vector<Reply>> replies = source_.flush();
    if (!replies) return replies.error();
    burst_.took(static_cast<int64_t>(keys.size()), monotonic_now() - begin);
    for (size_t i = 0; i < sent.size(); ++i) {
      const Reply& reply = (*replies)[i];
      const auto count = static_cast<int64_t>(sent[i].second.size());
      if (!reply.is_error()) {
        outcome_.sent += count;
        continue;
      }
      const auto says = [&](std::string_view word) {
        return reply.text.find(word) != std::string::npos;
      };
      if (says("MOVED") || says("ASK ") || says("TRYAGAIN") || says("BUSYKEY")) {
        // Some went over, some did not: the next look at them tells which.
        left.insert(left.end(), sent[i].second.begin(), sent[i].second.end());
        continue;
      }
      return refused(source_.at(), "MIGRATE", reply)
          .with_context("sending to " + named(*snapshot_.find(sent[i].first)));
    }
    return left;
  }

  Words migrate_request(const NodeSnapshot& to, const Words& keys) const {
    Words how;
    if (line_.has("copy")) how.push_back("COPY");
    if (line_.has("replace")) how.push_back("REPLACE");
    return redan::migrate_request(to.self.at, Millis(60'000), how, line_.access, keys);
  }

  // Keys that the cluster has already are not sent: MIGRATE would stop at them.
  Result<void> set_aside_existing(NodeClient& target, Words& keys) {
    for (const std::string& key : keys) target.queue({"EXISTS", key});
    Result<std::vector<Reply>> exists = target.flush();
    if (!exists) return exists.error();
    Words fresh;
    for (size_t i = 0; i < keys.size(); ++i) {
      const Reply& reply = (*exists)[i];
      if (reply.is_error() && !reply.text.starts_with("MOVED")) {
        return refused(target.at(), "EXISTS", reply);
      }
      if (reply.integer == 0) {
        fresh.push_back(keys[i]);
        continue;
      }
      Result<Reply> there = target.ask({"DUMP", keys[i]});
      if (!there) return there.error();
      Result<Reply> here = source_.ask({"DUMP", keys[i]});
      if (!here) return here.error();
      if (here->is_null()) {
        ++outcome_.sent;  // It went over before the answer was lost.
      } else if (here->text == there->text) {
        ++outcome_.same;
      } else if (++outcome_.differs <= 10) {
        outcome_.conflicts.push_back(keys[i]);
      }
    }
    keys = std::move(fresh);
    return kOk;
  }

  const CommandLine& line_;
  NodeClient source_;
  ClusterSnapshot snapshot_;
  std::map<NodeId, NodeClient> targets_;
  BurstSize burst_;
  Outcome outcome_;
  bool complete_ = false;
};

Result<Access> source_access(const CommandLine& line) {
  Access access{.timeout = line.access.timeout};
  access.user = line.text("from-user");
  access.password = line.text("from-pass");
  if (line.has("from-askpass")) {
    Result<std::string> password = ask_secret("Password of the source: ");
    if (!password) return password.error();
    access.password = password.take();
  }
  return access;
}

}  // namespace

int run_import(const CommandLine& line) {
  if (!line.has("from")) return usage_error("import needs --from HOST:PORT, the server to read");
  const Result<Endpoint> from = parse_endpoint(line.text("from"));
  if (!from) return usage_error(from.error().message());
  const Result<Access> access = source_access(line);
  if (!access) return usage_error(access.error().message());
  Result<ClusterSnapshot> snapshot = look_at_cluster(line.address(), line.access);
  if (!snapshot) return failed(snapshot.error());
  if (const std::string unfit = unfit_for_moves(*snapshot); !unfit.empty()) {
    return failed(Error("the cluster is not sound (clusterctl fix):" + unfit));
  }
  const size_t primaries = snapshot->primaries().size();
  Result<NodeClient> source = NodeClient::connect(*from, *access);
  if (!source) return failed(source.error().with_context("the source"));
  Import import(line, source.take(), snapshot.take());
  const Result<int64_t> size = import.size();
  if (!size) return failed(size.error());
  const Console console(line);
  console.say(counted(*size, "key") + " of " + to_text(*from) +
              (line.has("copy") ? " are copied to " : " are moved to ") +
              counted(static_cast<int64_t>(primaries), "node") + " of the cluster.");
  if (line.has("dry-run")) return kDone;
  watch_signals();
  Progress progress(console, "importing", "keys", *size);
  const Result<Outcome> outcome = import.run(progress);
  progress.end();
  if (!outcome) return failed(outcome.error());
  if (line.has("json")) {
    Json json;
    json.open('{').key("sent").value(outcome->sent).key("same").value(outcome->same);
    json.key("conflicts").value(outcome->differs).key("complete").flag(import.complete());
    json.key("ms").value(progress.elapsed().count()).close('}');
    std::fputs(json.take().c_str(), stdout);
  }
  console.say(counted(outcome->sent, "key") + " imported in " +
              std::to_string(progress.elapsed().count()) + " ms.");
  if (outcome->same > 0) {
    console.say(counted(outcome->same, "key") +
                " were in the cluster already, with the same "
                "value.");
  }
  if (outcome->differs > 0) {
    std::string names;
    for (const std::string& key : outcome->conflicts) names += " " + quote_word(key);
    return failed(Error(counted(outcome->differs, "key") +
                        " are in the cluster with another value and were left alone; --replace "
                        "overwrites them:" +
                        names));
  }
  if (!import.complete()) {
    return failed(Error("interrupted; the same command again imports the rest"));
  }
  return kDone;
}

}  // namespace redan
