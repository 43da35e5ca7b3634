#include "tests/sim/cluster_data.h"

#include <utility>

#include "tests/sim/cluster_process.h"

namespace redan::sim {
namespace {

constexpr Nanos kPing = Millis(500), kDialAgain = Millis(400), kSilence = Seconds(3);

}  // namespace

void ClusterData::boot() {
  contact_ = net_.world.local(self_);
  tick();
}

void ClusterData::crash() {
  replicas_.clear();
  link_.reset();
  synced_ = false;
  primary_ip_.clear();
}

ReplicationFacts ClusterData::facts() const {
  return {.offset = offset_, .link_up = synced_, .contact = contact_};
}

bool ClusterData::has(Key key, uint64_t value) const {
  const auto found = content_.find(key);
  return found != content_.end() && found->second.count(value) > 0;
}

void ClusterData::tick() {
  for (const ConnectionPtr& replica : replicas_) {
    ClusterData& at = net_.node(replica->client).data();
    net_.world.to_client(replica, [&at, replica] {
      if (at.link_ == replica) at.heard();
    });
  }
  if (!primary_ip_.empty()) {
    const Instant now = net_.world.local(self_);
    if (synced_ && now - contact_ > kSilence) hang_up();
    const Nanos patience = link_ ? kSilence + copy_time : kDialAgain;
    if (!synced_ && net_.world.now() - dialled_ >= patience) connect();
  }
  net_.world.post(net_.world.now() + kPing, self_, [this] { tick(); });
}

void ClusterData::heard() {
  contact_ = net_.world.local(self_);
}

void ClusterData::hang_up() {
  if (link_) link_->closed = true;
  link_.reset();
  if (std::exchange(synced_, false)) contact_ = net_.world.local(self_);
}

void ClusterData::follow(NodeId primary, std::string ip) {
  hang_up();
  for (const ConnectionPtr& replica : std::exchange(replicas_, {})) {
    net_.world.to_client(replica, [replica] {
      if (replica->on_reset) replica->on_reset();
    });
    replica->broken = true;
  }
  primary_ = primary;
  primary_ip_ = std::move(ip);
  contact_ = net_.world.local(self_);
  if (!primary_ip_.empty()) connect();
}

void ClusterData::lead() {
  hang_up();
  primary_ip_.clear();
  // Others may have gone on with the old history.
  older_history_ = std::exchange(history_, net_.world.rng.next() | 1);
  older_offset_ = offset_;
}

void ClusterData::clear() {
  content_.clear();
  backlog_.clear();
  history_ = older_history_ = 0;
  offset_ = backlog_from_ = 1;
  older_offset_ = 0;
}

void ClusterData::connect() {
  hang_up();
  dialled_ = net_.world.now();
  const auto there = net_.at_ip.find(primary_ip_);
  if (there == net_.at_ip.end() || there->second == self_) return;
  const uint64_t attempt = ++attempt_;
  const int primary = there->second;
  const auto open = [this, attempt, primary](const ConnectionPtr& c) {
    if (attempt != attempt_ || primary_ip_.empty()) return;
    link_ = c;
    c->of_replica = true;
    c->on_reset = [this, c] {
      if (link_ == c) hang_up();
    };
    const Sync sync{.from = primary_, .history = history_, .offset = offset_};
    net_.world.to_server(c, [this, c, primary, sync] { net_.node(primary).data().serve(c, sync); });
  };
  net_.world.connect(self_, primary, open, [] {});
}

void ClusterData::serve(const ConnectionPtr& c, const Sync& sync) {
  const ClusterNode& me = net_.node(self_).view().myself();
  if (!me.is_primary || me.id != sync.from) return;  // It will dial again.
  const auto [from, history, offset] = sync;
  if (history_ == 0) history_ = net_.world.rng.next() | 1;
  const bool ours = (history == history_ && offset <= offset_) ||
                    (history == older_history_ && offset <= older_offset_);
  if (!ours || history == 0 || offset < backlog_from_) {
    // A full copy takes its time.
    net_.world.post(net_.world.now() + net_.world.rng.span(Nanos(0), copy_time), self_, [this, c] {
      if (!c->broken && !c->closed) send_all(c);
    });
  } else {
    send_rest(c, offset);
  }
}

void ClusterData::send_all(const ConnectionPtr& c) {
  ClusterData& replica = net_.node(c->client).data();
  const auto snapshot = std::make_shared<Snapshot>(
      Snapshot{content_, history_, older_history_, offset_, older_offset_});
  net_.world.to_client(c, [&replica, c, snapshot] {
    if (replica.link_ == c) replica.take(*snapshot);
  });
  feed(c);
}

void ClusterData::send_rest(const ConnectionPtr& c, int64_t offset) {
  ClusterData& replica = net_.node(c->client).data();
  net_.world.to_client(
      c, [&replica, c, mine = history_, older = older_history_, older_to = older_offset_] {
        if (replica.link_ != c) return;
        replica.history_ = mine;
        replica.older_history_ = older;
        replica.older_offset_ = older_to;
        replica.synced_ = true;
        replica.heard();
      });
  for (int64_t at = offset; at < offset_; ++at) {
    const Change change = backlog_[static_cast<size_t>(at - backlog_from_)];
    net_.world.to_client(c, [&replica, c, change] {
      if (replica.link_ == c) replica.apply(change);
    });
  }
  feed(c);
}

void ClusterData::feed(const ConnectionPtr& c) {
  std::erase_if(replicas_, [](const ConnectionPtr& old) { return old->broken || old->closed; });
  replicas_.push_back(c);
}

void ClusterData::take(const Snapshot& snapshot) {
  content_ = snapshot.content;
  history_ = snapshot.history;
  older_history_ = snapshot.older_history;
  offset_ = backlog_from_ = snapshot.offset;
  older_offset_ = snapshot.older_offset;
  backlog_.clear();
  synced_ = true;
  heard();
}

void ClusterData::apply(const Change& change) {
  ++offset_;
  backlog_.push_back(change);
  if (change.value == 0) {
    content_.erase(change.key);
  } else {
    content_[change.key].insert(change.value);
  }
  heard();
  net_.watch.holds(net_.node(self_), change);
}

void ClusterData::append(const Change& change) {
  if (history_ == 0) history_ = net_.world.rng.next() | 1;
  apply(change);
  for (const ConnectionPtr& c : replicas_) {
    ClusterData& replica = net_.node(c->client).data();
    net_.world.to_client(c, [&replica, c, change] {
      if (replica.link_ == c) replica.apply(change);
    });
  }
}

void ClusterData::drop(const SlotSet& slots) {
  std::vector<Key> gone;
  for (const auto& [key, values] : content_) {
    if (slots.contains(key.slot)) gone.push_back(key);
  }
  for (const Key& key : gone) append({.key = key, .value = 0});
}

}  // namespace redan::sim
