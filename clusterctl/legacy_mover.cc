#include "clusterctl/legacy_mover.h"

#include <algorithm>

#include "clusterctl/migrate_request.h"
#include "common/base/clock.h"

namespace redan {

namespace {

constexpr size_t kWindow = 32;
constexpr int64_t kKeysNamed = 1024;  // at most, by one GETKEYSINSLOT
constexpr int kHiccups = 5;           // of one window
constexpr Millis kHiccup(300);

std::string number(Slot slot) {
  return std::to_string(slot.value);
}

Words set_slot(Slot slot, const char* what, const NodeId& id) {
  return {"CLUSTER", "SETSLOT", number(slot), what, id.hex()};
}

bool says(const Reply& reply, std::string_view text) {
  return reply.is_error() && reply.text.find(text) != std::string::npos;
}

}  // namespace

std::string LegacyMover::where(Slot slot) const {
  return "slot " + number(slot) + " from " + named(from_) + " to " + named(to_);
}

Result<void> LegacyMover::connect() {
  Result<NodeClient> source = NodeClient::connect(from_.at, options_.access);
  if (!source) return source.error();
  source_ = source.take();
  // A MIGRATE may take its whole timeout before it is answered.
  source_->raw().set_timeout(options_.timeout + Seconds(10));
  Result<NodeClient> target = NodeClient::connect(to_.at, options_.access);
  if (!target) return target.error();
  target_ = target.take();
  target_->raw().set_timeout(std::max(options_.access.timeout, Millis(10'000)));
  for (const NodeSnapshot* node : snapshot_.primaries()) {
    if (node == &from_ || node == &to_) continue;
    Result<NodeClient> other = NodeClient::connect(node->at, options_.access);
    // Who does not answer now learns of the moves from the others' gossip.
    if (other) others_.push_back(other.take());
  }
  return kOk;
}

Result<void> LegacyMover::move(const std::vector<Slot>& slots) {
  if (Result<void> connected = connect(); !connected) return connected;
  for (size_t start = 0; start < slots.size(); start += kWindow) {
    if (options_.stop && options_.stop()) return kOk;
    const size_t count = std::min(kWindow, slots.size() - start);
    Result<Window> window = open(std::span(slots).subspan(start, count));
    if (!window) return window.error();
    if (Result<void> drained = drain(*window); !drained) return drained;
    if (Result<void> closed = close(*window); !closed) return closed;
  }
  return kOk;
}

Result<LegacyMover::Window> LegacyMover::open(std::span<const Slot> slots) {
  for (const Slot slot : slots) target_->queue(set_slot(slot, "IMPORTING", from_.id()));
  Result<std::vector<Reply>> importing = target_->flush();
  if (!importing) return importing.error();
  // The source must not point to a target that would send the client back.
  for (size_t i = 0; i < slots.size(); ++i) {
    const Reply& reply = (*importing)[i];
    if (reply.is_error() && !says(reply, "already the owner")) {
      return refused(to_.at, "SETSLOT IMPORTING", reply).with_context(where(slots[i]));
    }
  }
  for (const Slot slot : slots) {
    source_->queue(set_slot(slot, "MIGRATING", to_.id()));
    source_->queue({"CLUSTER", "GETKEYSINSLOT", number(slot), std::to_string(kKeysNamed)});
  }
  Result<std::vector<Reply>> replies = source_->flush();
  if (!replies) return replies.error();
  Window window;
  for (size_t i = 0; i < slots.size(); ++i) {
    const Reply& migrating = (*replies)[2 * i];
    const Reply& keys = (*replies)[2 * i + 1];
    Open open{.slot = slots[i]};
    const bool done_before = says((*importing)[i], "already the owner");
    if (migrating.is_error() && !(done_before && says(migrating, "not the owner"))) {
      // Somebody else changed the owner since the plan was made: take back what we said.
      if (!done_before) {
        Result<Reply> stable = target_->call({"CLUSTER", "SETSLOT", number(slots[i]), "STABLE"});
        if (!stable) return stable.error();
      }
      open.trouble = refused(from_.at, "SETSLOT MIGRATING", migrating).message() +
                     " (did somebody else move it? look with clusterctl check)";
    } else if (keys.is_error()) {
      open.trouble = refused(from_.at, "GETKEYSINSLOT", keys).message();
    }
    for (const Reply& key : keys.elements) open.keys.push_back(key.text);
    window.push_back(std::move(open));
  }
  return window;
}

Result<void> LegacyMover::drain(Window& window) {
  hiccups_ = 0;
  const auto holds_keys = [](const Open& open) {
    return open.trouble.empty() && !open.keys.empty();
  };
  while (std::any_of(window.begin(), window.end(), holds_keys)) {
    if (Result<void> done = burst(window); !done) return done;
  }
  return kOk;
}

Words LegacyMover::migrate_request(const Words& keys, bool replace) const {
  const Endpoint& to = to_.self.at.host.empty() ? to_.at : to_.self.at;
  return redan::migrate_request(to, options_.timeout, replace ? Words{"REPLACE"} : Words{},
                                options_.access, keys);
}

Result<void> LegacyMover::burst(Window& window) {
  struct Sent {
    Open* open;
    Words keys;
    bool names_more;  // A GETKEYSINSLOT follows.
  };
  std::vector<Sent> sent;
  int64_t budget = burst_.keys();
  int64_t count = 0;
  for (Open& open : window) {
    if (!open.trouble.empty() || open.keys.empty() || budget <= 0) continue;
    auto take = std::min<int64_t>(budget, static_cast<int64_t>(open.keys.size()));
    if (options_.keys_per_migrate > 0) take = std::min(take, options_.keys_per_migrate);
    Words keys(open.keys.begin(), open.keys.begin() + take);
    open.keys.erase(open.keys.begin(), open.keys.begin() + take);
    budget -= take;
    count += take;
    source_->queue(migrate_request(keys, options_.replace));
    // The source names further keys only when it has sent all that it named before.
    const bool names_more = open.keys.empty();
    if (names_more) {
      source_->queue({"CLUSTER", "GETKEYSINSLOT", number(open.slot), std::to_string(kKeysNamed)});
    }
    sent.push_back({&open, std::move(keys), names_more});
  }
  const Instant begin = monotonic_now();
  Result<std::vector<Reply>> replies = source_->flush();
  if (!replies) return replies.error();
  burst_.took(count, monotonic_now() - begin);
  size_t at = 0;
  for (Sent& each : sent) {
    Open& open = *each.open;
    const Reply& migrated = (*replies)[at++];
    if (each.names_more) {
      const Reply& named_keys = (*replies)[at++];
      if (named_keys.is_error()) {
        open.trouble = refused(from_.at, "GETKEYSINSLOT", named_keys).message();
      }
      for (const Reply& key : named_keys.elements) open.keys.push_back(key.text);
    }
    if (!migrated.is_error()) {
      options_.moved_keys(static_cast<int64_t>(each.keys.size()));
    } else if (says(migrated, "BUSYKEY")) {
      Result<std::string> unsettled = settle_busy_keys(each.keys);
      if (!unsettled) return unsettled.error();
      if (!unsettled->empty()) {
        open.trouble = "key '" + *unsettled + "' is at " + named(to_) +
                       " too, with another "
                       "value; --replace overwrites it";
      } else {
        options_.moved_keys(static_cast<int64_t>(each.keys.size()));
        Result<Reply> more = source_->ask(
            {"CLUSTER", "GETKEYSINSLOT", number(open.slot), std::to_string(kKeysNamed)});
        if (!more) return more.error();
        open.keys.clear();
        for (const Reply& key : more->elements) open.keys.push_back(key.text);
      }
    } else if ((migrated.text.starts_with("IOERR") || says(migrated, "CLUSTERDOWN")) &&
               ++hiccups_ <= kHiccups) {
      // The link between the two broke, or a node just joined: the keys that did not go are tried
      // again.
      if (!each.names_more) {
        open.keys.insert(open.keys.begin(), each.keys.begin(), each.keys.end());
      }
      rest(kHiccup);
    } else {
      open.trouble = refused(from_.at, "MIGRATE", migrated).message();
      if (migrated.text.starts_with("IOERR")) {
        open.trouble += " (is " + to_text(to_.self.at) + " to be reached from there?)";
      }
    }
    // A source that names the same key for ever must not keep us here for ever.
    const std::string first = open.keys.empty() ? "" : open.keys.front();
    open.times_seen = !first.empty() && first == open.last_key ? open.times_seen + 1 : 0;
    open.last_key = first;
    if (open.times_seen > 100 && open.trouble.empty()) {
      open.trouble = to_text(from_.at) + " names key '" + first + "' again and again";
    }
  }
  return kOk;
}

Result<std::string> LegacyMover::settle_busy_keys(const Words& keys) {
  for (const std::string& key : keys) {
    source_->queue({"DUMP", key});
    Result<std::vector<Reply>> at_source = source_->flush();
    if (!at_source) return at_source.error();
    const Reply& here = at_source->front();
    // It has gone over: the source knows it no more, and sends whoever asks to the target.
    if (here.is_null() || (here.is_error() && here.text.starts_with("ASK "))) continue;
    if (here.is_error()) return refused(from_.at, "DUMP", here);
    target_->queue({"ASKING"});
    target_->queue({"DUMP", key});
    Result<std::vector<Reply>> there = target_->flush();
    if (!there) return there.error();
    const Reply& copy = there->back();
    if (copy.is_error()) return refused(to_.at, "DUMP", copy);
    if (!copy.is_null() && copy.text != here.text) return key;
    Result<Reply> moved = source_->ask(migrate_request({key}, true));
    if (!moved) return moved.error();
  }
  return std::string();
}

Result<void> LegacyMover::close(Window& window) {
  std::vector<Slot> done;
  std::string trouble;
  for (const Open& open : window) {
    if (open.trouble.empty()) {
      done.push_back(open.slot);
    } else if (trouble.empty()) {
      trouble = "slot " + number(open.slot) + ": " + open.trouble;
    }
  }
  // The target first: from then on at least one node that has the keys says that it owns the slot.
  for (NodeClient* node : {&*target_, &*source_}) {
    for (const Slot slot : done) node->queue(set_slot(slot, "NODE", to_.id()));
    Result<std::vector<Reply>> replies = node->flush();
    if (!replies) return replies.error();
    for (size_t i = 0; i < done.size(); ++i) {
      const Reply& reply = (*replies)[i];
      // The target's claim may reach the source before us. If that was its last slot it has become
      // the target's replica (cluster-allow-replica-migration), which is all that we want of it.
      const bool follows =
          node == &*source_ && reply.text.find("only with masters") != reply.text.npos;
      if (reply.is_error() && !follows) {
        return refused(node->at(), "SETSLOT NODE", reply).with_context(where(done[i]));
      }
    }
  }
  for (NodeClient& other : others_) {
    for (const Slot slot : done) other.queue(set_slot(slot, "NODE", to_.id()));
  }
  // What others answer changes nothing: gossip tells them too.
  std::erase_if(others_, [&](NodeClient& other) { return !done.empty() && !other.flush().ok(); });
  options_.moved_slots(static_cast<int64_t>(done.size()));
  if (trouble.empty()) return kOk;
  return Error("MOVE", "moving from " + named(from_) + " to " + named(to_) + " stopped at " +
                           trouble +
                           "; the slot stays open and serves; the same command again "
                           "goes on, clusterctl fix closes it");
}

Result<void> LegacyMover::gather(const std::vector<Slot>& slots) {
  if (Result<void> connected = connect(); !connected) return connected;
  for (size_t start = 0; start < slots.size(); start += kWindow) {
    const size_t count = std::min(kWindow, slots.size() - start);
    for (size_t i = start; i < start + count; ++i) {
      source_->queue(set_slot(slots[i], "IMPORTING", to_.id()));
      source_->queue({"CLUSTER", "GETKEYSINSLOT", number(slots[i]), std::to_string(kKeysNamed)});
    }
    Result<std::vector<Reply>> replies = source_->flush();
    if (!replies) return replies.error();
    Window window;
    for (size_t i = 0; i < count; ++i) {
      Open open{.slot = slots[start + i]};
      for (const Reply* reply : {&(*replies)[2 * i], &(*replies)[2 * i + 1]}) {
        if (reply->is_error()) open.trouble = refused(from_.at, "", *reply).message();
      }
      for (const Reply& key : (*replies)[2 * i + 1].elements) open.keys.push_back(key.text);
      window.push_back(std::move(open));
    }
    if (Result<void> drained = drain(window); !drained) return drained;
    if (Result<void> closed = close_gathered(window); !closed) return closed;
  }
  return kOk;
}

Result<void> LegacyMover::close_gathered(const Window& window) {
  for (const Open& open : window) {
    if (!open.trouble.empty()) {
      return Error("MOVE", "bringing the keys of slot " + number(open.slot) + " from " +
                               named(from_) + " to " + named(to_) + ": " + open.trouble);
    }
    source_->queue({"CLUSTER", "SETSLOT", number(open.slot), "STABLE"});
  }
  Result<std::vector<Reply>> replies = source_->flush();
  if (!replies) return replies.error();
  return kOk;
}

}  // namespace redan
