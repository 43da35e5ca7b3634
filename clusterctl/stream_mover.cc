#include "clusterctl/stream_mover.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {

namespace {

constexpr int kAttempts = 4;
constexpr Millis kRest(500);
constexpr Millis kLook(50);

const std::string* text_at(const Reply& reply, const char* name) {
  for (size_t i = 0; i + 1 < reply.elements.size(); i += 2) {
    if (reply.elements[i].text == name) return &reply.elements[i + 1].text;
  }
  return nullptr;
}

std::string text_or_empty(const Reply& reply, const char* name) {
  const std::string* text = text_at(reply, name);
  return text == nullptr ? std::string() : *text;
}

}  // namespace

Result<std::vector<StreamTask>> read_stream_tasks(const Reply& reply) {
  std::vector<StreamTask> tasks;
  for (const Reply& each : reply.elements) {
    StreamTask task{.id = text_or_empty(each, "id"),
                    .state = text_or_empty(each, "state"),
                    .last_error = text_or_empty(each, "last_error"),
                    .slots = {}};
    if (task.id.empty() || task.state.empty()) {
      return Error("STATUS", "CLUSTER MIGRATION STATUS answered what is no list of tasks");
    }
    // Redis writes "0-5 7,9"; ours "0-5 7".
    std::string slots = text_or_empty(each, "slots");
    std::replace(slots.begin(), slots.end(), ',', ' ');
    const Result<SlotSet> parsed = SlotSet::parse(slots);
    if (!parsed) return parsed.error();
    task.slots = *parsed;
    task.importing = text_or_empty(each, "operation") == "import";
    task.keys = parse_int64(text_or_empty(each, "keys")).value_or(0);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

bool StreamMover::is_known_to(const NodeSnapshot& from, const NodeSnapshot& to,
                              const Access& access) {
  for (const NodeSnapshot* node : {&from, &to}) {
    Result<NodeClient> client = NodeClient::connect(node->at, access);
    if (!client) return false;
    Result<Reply> reply = client->call({"CLUSTER", "MIGRATION", "STATUS", "ALL"});
    if (!reply || reply->is_error()) return false;
  }
  return true;
}

void StreamMover::count_keys(int64_t keys) {
  if (keys <= counted_) return;
  options_.moved_keys(keys - counted_);
  counted_ = keys;
}

Result<std::vector<StreamTask>> StreamMover::tasks(NodeClient& node) {
  Result<Reply> reply = node.ask({"CLUSTER", "MIGRATION", "STATUS", "ALL"});
  if (!reply) return reply.error();
  return read_stream_tasks(*reply);
}

// Of the wanted slots those that the target does not own yet.
Result<SlotSet> StreamMover::left(const SlotSet& wanted) {
  Result<Reply> reply = target_->ask({"CLUSTER", "NODES"});
  if (!reply) return reply.error();
  const Result<std::vector<NodeLine>> lines = parse_cluster_nodes(reply->text);
  if (!lines) return lines.error();
  for (const NodeLine& line : *lines) {
    if (line.has("myself")) return wanted - line.slots;
  }
  return wanted;
}

// Tasks that a killed mover left.
Result<void> StreamMover::await_running(const SlotSet& wanted) {
  for (;;) {
    Result<std::vector<StreamTask>> all = tasks(*target_);
    if (!all) return all.error();
    const auto running = std::find_if(all->begin(), all->end(), [&](const StreamTask& task) {
      return task.importing && !task.over() && !(task.slots & wanted).empty();
    });
    if (running == all->end()) return kOk;
    rest(kLook);
  }
}

Result<StreamTask> StreamMover::watch(const std::string& id) {
  counted_ = 0;
  bool cancelled = false;
  for (;;) {
    Result<std::vector<StreamTask>> all = tasks(*target_);
    if (!all) return all.error();
    const auto found = std::find_if(all->begin(), all->end(),
                                    [&](const StreamTask& task) { return task.id == id; });
    if (found == all->end()) {
      return Error("MIGRATION", named(to_) + " does not know its task " + id +
                                    " any more: was it restarted? The same command again goes on");
    }
    if (found->over()) {
      if (found->state == "completed") count_keys(found->keys);
      return *found;
    }
    // The target knows how many only at the end of the snapshot; the source as they leave.
    if (source_) {
      Result<std::vector<StreamTask>> sent = tasks(*source_);
      if (sent) {
        for (const StreamTask& task : *sent) {
          if (task.id == id) count_keys(task.keys);
        }
      } else {
        source_.reset();
      }
    }
    if (!cancelled && options_.stop && options_.stop()) {
      cancelled = true;
      Result<Reply> reply = target_->call({"CLUSTER", "MIGRATION", "CANCEL", "ID", id});
      if (!reply) return reply.error();
    }
    rest(kLook);
  }
}

Error StreamMover::failed(const StreamTask& task) const {
  return Error("MIGRATION", "slots " + task.slots.text() + " from " + named(from_) + " to " +
                                named(to_) + ": " + task.last_error +
                                " (nothing is lost, the slots are where they were; the same "
                                "command again goes on)");
}

Result<void> StreamMover::move(const std::vector<Slot>& slots) {
  Result<NodeClient> target = NodeClient::connect(to_.at, options_.access);
  if (!target) return target.error();
  target_ = target.take();
  target_->raw().set_timeout(std::max(options_.access.timeout, Millis(10'000)));
  Result<NodeClient> source = NodeClient::connect(from_.at, options_.access);
  if (source) source_ = source.take();
  SlotSet wanted;
  for (const Slot slot : slots) wanted.add(slot);
  for (int attempt = 1;; ++attempt) {
    if (options_.stop && options_.stop()) return kOk;
    if (Result<void> waited = await_running(wanted); !waited) return waited;
    Result<SlotSet> rest_of_them = left(wanted);
    if (!rest_of_them) return rest_of_them.error();
    options_.moved_slots(static_cast<int64_t>((wanted - *rest_of_them).size()));
    wanted = *rest_of_them;
    if (wanted.empty()) return kOk;
    Words request = {"CLUSTER", "MIGRATION", "IMPORT"};
    for (const SlotRange& range : wanted.ranges()) {
      request.push_back(std::to_string(range.first.value));
      request.push_back(std::to_string(range.last.value));
    }
    Result<Reply> begun = target_->ask(request);
    if (!begun) return begun.error();
    Result<StreamTask> task = watch(begun->text);
    if (!task) return task.error();
    if (task->state == "completed") {
      options_.moved_slots(static_cast<int64_t>(wanted.size()));
      return kOk;
    }
    if (options_.stop && options_.stop()) return kOk;
    // A snapshot, a slow moment, a connection: most reasons go away.
    if (attempt == kAttempts) return failed(*task);
    rest(kRest);
  }
}

}  // namespace redan
