#include "server/session/tracking.h"

#include <algorithm>

#include "common/resp/writer.h"

namespace redan {

namespace {

bool overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

Error cannot_switch(std::string_view what) {
  return Error("You can't switch " + std::string(what) +
               " before disabling tracking for this client, and then re-enabling it with a "
               "different mode.");
}

Error overlapping(std::string_view prefix, std::string_view kind, std::string_view other) {
  return Error("Prefix '" + std::string(prefix) + "' overlaps with " + std::string(kind) + " '" +
               std::string(other) + "'. Prefixes for a single client must not overlap.");
}

// The keys of a message: one array, the same in both protocols.
void write_key(ByteBuffer& bytes, std::string_view key) {
  ReplyWriter writer(bytes, Resp::k2);
  writer.array(1);
  writer.bulk(key);
}

}  // namespace

// --- who tracks ---

Result<void> Tracking::compatible(const Tracker* before, const Wish& wish) {
  const TrackingMode& mode = wish.mode;
  if (!mode.broadcast && !wish.prefixes.empty()) {
    return Error("PREFIX option requires BCAST mode to be enabled");
  }
  if (before != nullptr && before->mode.broadcast != mode.broadcast) {
    return cannot_switch("BCAST mode on/off");
  }
  if (mode.broadcast && (mode.opt_in || mode.opt_out)) {
    return Error("OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (mode.opt_in && mode.opt_out) {
    return Error("You can't specify both OPTIN mode and OPTOUT mode");
  }
  const bool switched = before != nullptr && ((mode.opt_in && before->mode.opt_out) ||
                                              (mode.opt_out && before->mode.opt_in));
  if (switched) return cannot_switch("OPTIN/OPTOUT mode");
  return apart(before, wish);
}

Result<void> Tracking::apart(const Tracker* before, const Wish& wish) {
  for (auto prefix = wish.prefixes.begin(); prefix != wish.prefixes.end(); ++prefix) {
    if (before != nullptr) {
      for (const std::string& old : before->prefixes) {
        if (overlap(old, *prefix)) return overlapping(*prefix, "an existing prefix", old);
      }
    }
    for (auto other = prefix + 1; other != wish.prefixes.end(); ++other) {
      if (overlap(*prefix, *other)) return overlapping(*prefix, "another provided prefix", *other);
    }
  }
  return kOk;
}

Result<void> Tracking::turn_on(Session& session, const Wish& wish) {
  if (Result<void> fits = compatible(session.tracker, wish); !fits) return fits;
  if (session.tracker == nullptr) {
    auto made = std::make_unique<Tracker>();
    made->session = &session;
    session.tracker = made.get();
    trackers_.emplace(session.id, std::move(made));
  }
  Tracker& tracker = *session.tracker;
  tracker.mode = wish.mode;
  tracker.broken = false;
  redirect(tracker, wish.redirect);
  session.in_tracking = true;
  if (!wish.mode.broadcast) return kOk;
  for (const std::string_view prefix : wish.prefixes) add_prefix(tracker, prefix);
  if (wish.prefixes.empty()) add_prefix(tracker, "");
  return kOk;
}

// What it has read stays in the table: it counts again where tracking is turned on once more.
void Tracking::turn_off(Session& session) {
  if (session.tracker == nullptr) return;
  drop_prefixes(*session.tracker);
  redirect(*session.tracker, nullptr);
  session.tracker = nullptr;
  trackers_.erase(session.id);
  note_whether_in_tracking(session);
}

void Tracking::redirect(Tracker& tracker, Session* target) {
  if (Session* const before = tracker.target; before != nullptr) {
    const auto found = redirected_.find(before);
    found->second.erase(&tracker);
    if (found->second.empty()) redirected_.erase(found);
    note_whether_in_tracking(*before);
  }
  tracker.target = target;
  tracker.redirect = target == nullptr ? 0 : target->id;
  if (target == nullptr) return;
  redirected_[target].insert(&tracker);
  target->in_tracking = true;
}

void Tracking::note_whether_in_tracking(Session& session) const {
  session.in_tracking = session.tracker != nullptr || redirected_.contains(&session);
}

Result<void> Tracking::set_caching(Session& session, bool yes) {
  Tracker* const tracker = session.tracker;
  if (tracker == nullptr) {
    return Error(
        "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  if (yes && !tracker->mode.opt_in) {
    return Error("CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!yes && !tracker->mode.opt_out) {
    return Error("CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  tracker->caching = true;
  return kOk;
}

void Tracking::forget_caching(Session& session) {
  if (session.tracker != nullptr) session.tracker->caching = false;
}

void Tracking::forget(Session& session) {
  if (!session.in_tracking) return;
  turn_off(session);
  const auto found = redirected_.find(&session);
  if (found == redirected_.end()) return;
  for (Tracker* const tracker : found->second) tracker->target = nullptr;
  redirected_.erase(found);
}

void Tracking::add_prefix(Tracker& tracker, std::string_view prefix) {
  if (!tracker.prefixes.emplace(prefix).second) return;
  auto found = prefixes_.find(prefix);
  if (found == prefixes_.end()) {
    found = prefixes_.emplace(std::string(prefix), Prefix{}).first;
    ++lengths_[prefix.size()];
  }
  found->second.trackers.emplace(tracker.session->id, &tracker);
}

void Tracking::drop_prefixes(Tracker& tracker) {
  for (const std::string& prefix : tracker.prefixes) {
    const auto found = prefixes_.find(prefix);
    found->second.trackers.erase(tracker.session->id);
    if (!found->second.trackers.empty()) continue;
    prefixes_.erase(found);
    if (--lengths_[prefix.size()] == 0) lengths_.erase(prefix.size());
  }
  tracker.prefixes.clear();
}

// --- reads ---

bool Tracking::wants_reads(const Session& session) {
  if (session.tracker == nullptr || session.tracker->mode.broadcast) return false;
  const TrackingMode& mode = session.tracker->mode;
  const bool caching = session.tracker->caching;
  return !(mode.opt_in && !caching) && !(mode.opt_out && caching);
}

void Tracking::read(const Session& session, std::string_view key) {
  table_.add(key, session.id, [this](uint64_t id) { return find(id) != nullptr; });
}

void Tracking::limit(size_t max_keys, size_t effort) {
  if (max_keys == 0) return;
  for (; effort > 0 && table_.keys() > max_keys; --effort) {
    const std::string drawn(table_.draw(rng_));
    invalidate(drawn);
  }
}

// --- changes ---

void Tracking::changed(std::string_view key) {
  if (!prefixes_.empty()) {
    const Session* const held = pubsub_.held();
    for_each_prefix_of(key, [&](Prefix& prefix) {
      prefix.changed.try_emplace(std::string(key), held == nullptr ? kNobody : held->id);
      any_changed_ = true;
    });
  }
  if (!table_.empty()) invalidate(key);
}

void Tracking::nobody_changed(std::string_view key) {
  if (!any_changed_) return;
  for_each_prefix_of(key, [&](Prefix& prefix) {
    if (const auto found = prefix.changed.find(key); found != prefix.changed.end()) {
      found->second = kNobody;
    }
  });
}

template <class Each>
void Tracking::for_each_prefix_of(std::string_view key, Each&& each) {
  for (const auto& [length, count] : lengths_) {
    if (length > key.size()) return;
    const auto found = prefixes_.find(key.substr(0, length));
    if (found != prefixes_.end()) each(found->second);
  }
}

void Tracking::invalidate(std::string_view key) {
  const TrackingTable::Ids ids = table_.take(key);
  if (ids.empty()) return;
  ByteBuffer keys;
  write_key(keys, key);
  for (const uint64_t id : ids) {
    Tracker* const tracker = find(id);
    // It may have gone, or over to broadcast mode, since it read.
    if (tracker == nullptr || tracker->mode.broadcast) continue;
    if (tracker->mode.no_loop && tracker->session == pubsub_.held()) continue;
    tell_keys(*tracker, keys.view());
  }
}

void Tracking::flushed() {
  for (const auto& [id, tracker] : trackers_) tell_all_gone(*tracker);
  table_.clear();
}

void Tracking::broadcast() {
  if (!any_changed_) return;
  any_changed_ = false;
  for (auto& [name, prefix] : prefixes_) broadcast(prefix);
}

// All who want to hear of everything share one message; for the others it is made anew.
void Tracking::broadcast(Prefix& prefix) {
  if (prefix.changed.empty()) return;
  const auto written = [&](uint64_t except) {
    size_t count = 0;
    for (const auto& [key, who] : prefix.changed) count += who != except || except == kNobody;
    ByteBuffer bytes;
    if (count == 0) return bytes;
    ReplyWriter writer(bytes, Resp::k2);
    writer.array(count);
    for (const auto& [key, who] : prefix.changed) {
      if (who != except || except == kNobody) writer.bulk(key);
    }
    return bytes;
  };
  const ByteBuffer all = written(kNobody);
  for (const auto& [id, tracker] : prefix.trackers) {
    if (!tracker->mode.no_loop) {
      tell_keys(*tracker, all.view());
    } else if (const ByteBuffer others = written(id); !others.empty()) {
      tell_keys(*tracker, others.view());
    }
  }
  prefix.changed.clear();
}

void Tracking::tick() {
  if (table_.free_some(kFreedEachTick)) return;
  if (!trackers_.empty() || table_.empty()) {
    ticks_without_anybody_ = 0;
  } else if (++ticks_without_anybody_ == kTicksUntilForgotten) {
    table_.clear();
  }
}

// --- messages ---

// Who is told, or nullptr: its protocol has no form for it, or it is gone.
Session* Tracking::receiver(Tracker& tracker) {
  if (tracker.redirect == 0) {
    return tracker.session->resp == Resp::k3 ? tracker.session : nullptr;
  }
  if (Session* const target = tracker.target; target != nullptr) {
    const bool can = target->resp == Resp::k3 || target->subscription_count() > 0;
    return can ? target : nullptr;
  }
  // The client itself hears that it must not trust its cache any more, where that is possible.
  tracker.broken = true;
  if (tracker.session->resp != Resp::k3) return nullptr;
  ByteBuffer bytes;
  ReplyWriter writer(bytes, Resp::k3);
  writer.push(2);
  writer.bulk("tracking-redir-broken");
  writer.integer(static_cast<int64_t>(tracker.redirect));
  pubsub_.send(*tracker.session, bytes.view());
  return nullptr;
}

void Tracking::begin_message(const Session& to, ByteBuffer& bytes) {
  ReplyWriter writer(bytes, to.resp);
  if (to.resp == Resp::k3) {
    writer.push(2);
    writer.bulk("invalidate");
    return;
  }
  writer.push(3);
  writer.bulk("message");
  writer.bulk("__redis__:invalidate");
}

void Tracking::tell_keys(Tracker& tracker, std::string_view keys) {
  Session* const to = receiver(tracker);
  if (to == nullptr) return;
  ByteBuffer bytes;
  begin_message(*to, bytes);
  bytes.append(keys);
  pubsub_.send(*to, bytes.view());
}

void Tracking::tell_all_gone(Tracker& tracker) {
  Session* const to = receiver(tracker);
  if (to == nullptr) return;
  ByteBuffer bytes;
  begin_message(*to, bytes);
  ReplyWriter(bytes, to->resp).null();
  pubsub_.send(*to, bytes.view());
}

}  // namespace redan
