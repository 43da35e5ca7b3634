#include "tests/sim/sentinel_node.h"

#include <utility>

namespace redan::sim {

SentinelNode::SentinelNode(Field field, int index, DurableState state, SentinelOptions options)
    : field_(field),
      index_(index),
      process_(field.world.add_process()),
      options_(std::move(options)),
      disk_(std::move(state)) {
  start();
}

void SentinelNode::start() {
  machine_ = std::make_unique<SentinelMachine>(options_, disk_, field_.world.rng.next(), local());
  inbox_.clear();
  effects_.clear();
  wires_.clear();
  asked_.clear();
  writing_.reset();
  busy_ = false;
  inbox_.push_back([this](SentinelEffects& out) { machine_->start(local(), out); });
  field_.world.post(field_.world.now(), process_, [this] { take_next(); });
}

void SentinelNode::crash(bool silent) {
  // A write that was not synced may be whole on disk, or not there at all: a state file is
  // replaced by a rename.
  if (writing_ && field_.world.rng.chance(0.5)) disk_ = *writing_;
  field_.world.crash(process_, silent);
}

void SentinelNode::restart() {
  field_.world.restart(process_);
  start();
  for (Watcher* watcher : field_.watchers) watcher->restarted(*this);
}

void SentinelNode::command(std::function<void(SentinelMachine&, Instant, SentinelEffects&)> verb) {
  field_.world.post(field_.world.now(), process_, [this, verb = std::move(verb)] {
    inbox_.push_back([this, verb](SentinelEffects& out) { verb(*machine_, local(), out); });
    take_next();
  });
}

void SentinelNode::input(SentinelInput what) {
  inbox_.push_back([this, what = std::move(what)](SentinelEffects& out) {
    machine_->receive(local(), what, out);
  });
  take_next();
}

// The next input is looked at only when the effects of the one before took place.
void SentinelNode::take_next() {
  while (!busy_ && !inbox_.empty()) {
    const auto next = std::move(inbox_.front());
    inbox_.pop_front();
    SentinelEffects out;
    next(out);
    for (SentinelEffect& effect : out.take()) effects_.push_back(std::move(effect));
    perform();
  }
  if (!busy_) set_timer();
}

void SentinelNode::perform() {
  while (!effects_.empty() && !busy_) {
    SentinelEffect effect = std::move(effects_.front());
    effects_.pop_front();
    perform_one(effect);
  }
}

void SentinelNode::perform_one(SentinelEffect& effect) {
  World& world = field_.world;
  if (auto* persist = std::get_if<Persist>(&effect)) {
    busy_ = true;
    writing_ = std::move(persist->state);
    const Nanos took = world.rng.span(Micros(100), 2 * world.faults.mean_persist);
    world.post(world.now() + took, process_, [this] {
      disk_ = std::move(*writing_);
      writing_.reset();
      busy_ = false;
      perform();
      take_next();
    });
  } else if (const auto* link = std::get_if<OpenLink>(&effect)) {
    open(*link);
  } else if (const auto* gone = std::get_if<CloseLink>(&effect)) {
    const auto it = wires_.find({gone->link, gone->part});
    if (it == wires_.end()) return;
    if (it->second.connection) it->second.connection->closed = true;
    wires_.erase(it);
  } else if (const auto* message = std::get_if<Send>(&effect)) {
    for (Watcher* watcher : field_.watchers) watcher->sent(*this, *message);
    send(*message);
  } else if (const auto* announce = std::get_if<Announce>(&effect)) {
    world.note(process_, announce->type + " " + announce->text);
    for (Watcher* watcher : field_.watchers) watcher->announced(*this, *announce);
  } else if (const auto* answer = std::get_if<AnswerPeer>(&effect)) {
    const auto it = asked_.find(answer->token);
    if (it == asked_.end()) return;
    const Asked asked = std::move(it->second);
    asked_.erase(it);
    for (Watcher* watcher : field_.watchers) {
      watcher->answered(*this, asked.question, answer->reply);
    }
    world.to_client(asked.connection,
                    [reply = asked.reply, value = answer->reply] { reply(value); });
  }
}

void SentinelNode::open(const OpenLink& link) {
  const Key key{link.link, link.part};
  int target = -1;
  const bool is_peer = link.kind == LinkKind::kPeer;
  if (is_peer) {
    for (const auto& other : field_.sentinels) {
      if (sentinel_address(other->index()) == link.address) target = other->process();
    }
  } else {
    target = field_.data.index_of(link.address);
  }
  if (target < 0) return;
  wires_[key] = {
      .connection = nullptr, .attempt = link.attempt, .is_peer = is_peer, .target = target};
  const auto current = [this, key, attempt = link.attempt] {
    const auto it = wires_.find(key);
    return it != wires_.end() && it->second.attempt == attempt;
  };
  const auto lost = [this, key, current, attempt = link.attempt] {
    if (!current()) return;
    wires_.erase(key);
    input(LinkDown{.link = key.first, .part = key.second, .attempt = attempt, .reason = "reset"});
  };
  field_.world.connect(
      process_, target,
      [this, key, current, lost, attempt = link.attempt](ConnectionPtr c) {
        if (!current()) {
          c->closed = true;
          return;
        }
        Wire& wire = wires_[key];
        wire.connection = c;
        c->on_reset = lost;
        if (key.second == LinkPart::kSubscription) {
          field_.world.to_server(c, [this, c, key, target = wire.target] {
            field_.data.subscribe(target, c, [this, key](std::string payload) {
              input(HelloHeard{.link = key.first, .payload = std::move(payload)});
            });
          });
        }
        input(LinkUp{.link = key.first,
                     .part = key.second,
                     .attempt = attempt,
                     .local_ip = sentinel_address(index_).ip});
      },
      lost);
}

void SentinelNode::send(const Send& message) {
  const auto it = wires_.find({message.link, LinkPart::kCommands});
  if (it == wires_.end() || !it->second.connection) return;
  const Wire& wire = it->second;
  World& world = field_.world;
  ConnectionPtr c = wire.connection;
  const LinkId link = message.link;
  const uint64_t id = message.request;
  if (!wire.is_peer) {
    if (const auto* r = std::get_if<Reconfigure>(&message.message)) {
      world.note(process_, "tells " + std::to_string(wire.target) + " to follow " +
                               (r->primary ? r->primary->text() : "nobody"));
    }
    const Primary* watched = machine_->find(message.primary);
    const Epoch config = watched ? watched->config_epoch : Epoch{};
    const Epoch campaign = watched ? watched->campaign.epoch() : Epoch{};
    world.to_server(
        c, [this, c, link, id, config, campaign, target = wire.target, request = message.message] {
          if (const auto* r = std::get_if<Reconfigure>(&request)) {
            const Watcher::Order order{.node = target,
                                       .was_primary = field_.data.is_primary(target),
                                       .promotes = !r->primary,
                                       .epoch = r->primary ? config : campaign};
            for (Watcher* watcher : field_.watchers) watcher->carried_out(*this, order);
          }
          const std::optional<NodeReply> reply = field_.data.handle(target, request, c);
          if (!reply) return;
          field_.world.to_client(c, [this, link, id, reply = *reply] {
            input(Answer{.link = link, .request = id, .reply = reply});
          });
        });
    return;
  }
  SentinelNode* peer = nullptr;
  for (const auto& other : field_.sentinels) {
    if (other->process() == wire.target) peer = other.get();
  }
  const int copies = world.rng.chance(world.faults.duplication) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    if (const auto* ask = std::get_if<AskPrimaryDown>(&message.message)) {
      world.to_server(c, [this, c, peer, link, id, asked = *ask] {
        peer->question(asked, c, [this, link, id](PrimaryDownReply reply) {
          input(Answer{.link = link, .request = id, .reply = reply});
        });
      });
    } else if (const auto* hello = std::get_if<PublishHello>(&message.message)) {
      world.to_server(c, [this, c, peer, link, id, payload = hello->payload] {
        peer->input(HelloHeard{.link = std::nullopt, .payload = payload});
        field_.world.to_client(c, [this, link, id] {
          input(
              Answer{.link = link, .request = id, .reply = NodeReply{.error = false, .text = "1"}});
        });
      });
    } else {
      world.to_server(c, [this, c, link, id] {
        field_.world.to_client(c, [this, link, id] {
          input(Answer{
              .link = link, .request = id, .reply = NodeReply{.error = false, .text = "PONG"}});
        });
      });
    }
  }
}

void SentinelNode::question(const AskPrimaryDown& asked, ConnectionPtr from,
                            std::function<void(PrimaryDownReply)> reply) {
  const uint64_t token = ++last_token_;
  asked_[token] = {.question = asked, .connection = std::move(from), .reply = std::move(reply)};
  input(PeerQuestion{.token = token, .question = asked});
}

void SentinelNode::set_timer() {
  const uint64_t mine = ++timer_;
  const Instant at = machine_->next_deadline();
  if (at == Instant::max()) return;
  World& world = field_.world;
  world.post(std::max(world.global(process_, at), world.now() + Nanos(1)), process_, [this, mine] {
    if (mine != timer_ || busy_) return;
    inbox_.push_back([this](SentinelEffects& out) { machine_->tick(local(), out); });
    take_next();
  });
}

}  // namespace redan::sim
