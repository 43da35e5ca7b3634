#include "sentinel/drivers/sentinel_driver.h"

#include <unistd.h>

#include <cstdlib>

#include "common/base/clock.h"
#include "common/config/disk.h"
#include "common/log/log.h"
#include "common/net/endpoint.h"
#include "common/rpc/calls_in_hand.h"
#include "common/rpc/owner_loop.h"

namespace redan {

namespace {

// More open questions than peers times primaries is a flood; the oldest one goes unanswered.
constexpr size_t kMaxQuestions = 4096;
// Between attempts to open a bus port that somebody has taken, doubled up to the latter.
constexpr Millis kFirstBusRetry{250};
constexpr Millis kLongestBusRetry{8'000};

}  // namespace

Result<std::unique_ptr<SentinelDriver>> SentinelDriver::open(EventLoop& loop, Options options,
                                                             std::function<void()> on_shutdown) {
  std::unique_ptr<SentinelDriver> driver(
      new SentinelDriver(loop, std::move(options), std::move(on_shutdown)));
  // The identity must be on disk before anybody hears of it.
  const std::string& path = driver->options_.config_file;
  Result<std::string> old = DiskFiles().read(path);
  if (!old) return old.error();
  driver->on_disk_ = rewrite_conf(*old, driver->options_.conf);
  if (Result<void> saved = replace_file(path, driver->on_disk_); !saved) return saved.error();
  if (Result<void> bus = driver->open_bus(); !bus) {
    if (bus.error().message().find("Address already in use") == std::string::npos) {
      return bus.error();
    }
    log_warning("{}. Peers are spoken to over their client ports until it is free; trying again",
                bus.error().message());
    driver->open_bus_later(kFirstBusRetry);
  }
  return driver;
}

SentinelDriver::SentinelDriver(EventLoop& loop, Options options, std::function<void()> on_shutdown)
    : loop_(loop),
      options_(std::move(options)),
      on_shutdown_(std::move(on_shutdown)),
      owner_(std::make_shared<OwnerLoop>(
          [&loop](OwnerLoop::Task task) { loop.post(std::move(task)); })),
      calls_(std::make_shared<CallsInHand>()) {
  options_.conf.options.port = static_cast<uint16_t>(options_.config.port);
  machine_ = std::make_unique<SentinelMachine>(options_.conf.options, options_.conf.state,
                                               options_.seed, monotonic_now());
  resolver_ = std::make_unique<HostResolver>(owner_, resolve_now);
  scripts_ = std::make_unique<ScriptRunner>(
      loop, [this](bool warning, std::string type, std::string text) {
        say(warning ? EventLevel::kWarning : EventLevel::kDebug, type, text);
      });
  LinkContext context;
  context.loop = &loop;
  context.owner = owner_;
  context.calls = calls_;
  context.self = options_.conf.state.id;
  context.source_address = options_.config.bind_source_addr;
  context.connect_timeout = options_.conf.options.timings.connect_timeout;
  context.submit = [this](SentinelInput input) { driver_->submit(std::move(input)); };
  context.node_credentials = [this](const std::string& name) { return node_credentials(name); };
  context.peer_credentials = [this] { return peer_credentials(); };
  context.bus_secret = [this] { return options_.conf.sentinel_pass; };
  links_ = std::make_unique<Links>(std::move(context));
  bus_ = make_bus();
  driver_ = std::make_unique<Driver>(
      [this](Input& input) { return step(input); },
      [this](Effect& effect, Driver::Done done) { perform(effect, std::move(done)); });
}

std::unique_ptr<SentinelBusServer> SentinelDriver::make_bus() {
  SentinelBusServer::Events events;
  events.question = [this](AskPrimaryDown question, SentinelBusServer::Answer answer) {
    ask(std::move(question), std::move(answer));
  };
  events.hello = [this](std::string payload) { hear_hello(std::move(payload)); };
  return std::make_unique<SentinelBusServer>(
      loop_, owner_,
      SentinelBusServer::Options{.bind = options_.config.bind,
                                 .port = bus_port(static_cast<int>(options_.config.port)),
                                 .protected_mode = options_.config.protected_mode,
                                 .secret = options_.conf.sentinel_pass,
                                 .self = options_.conf.state.id},
      std::move(events));
}

Result<void> SentinelDriver::open_bus() {
  if (Result<void> bus = bus_->listen(); !bus) return bus.error().with_context("Sentinel bus");
  return kOk;
}

void SentinelDriver::open_bus_later(Millis delay) {
  bus_retry_ = loop_.after(delay, [this, delay] {
    if (open_bus()) {
      log_notice("Sentinel bus: port {} is free now and listened on",
                 bus_port(static_cast<int>(options_.config.port)));
    } else {
      open_bus_later(std::min(2 * delay, kLongestBusRetry));
    }
  });
}

SentinelDriver::~SentinelDriver() {
  stop();
}

void SentinelDriver::start() {
  log_warning("Sentinel ID is {}", machine_->id().hex());
  operate(
      [](SentinelMachine& machine, Instant now, SentinelEffects& out) { machine.start(now, out); },
      [] {});
}

void SentinelDriver::stop() {
  if (std::exchange(stopped_, true)) return;
  timer_.reset();
  bus_retry_.reset();
  resolver_.reset();
  driver_.reset();
  links_->close_all();
  owner_->close();
  questions_.clear();
  calls_->wait();
  bus_.reset();
  scripts_->kill_all();
}

Instant SentinelDriver::now() const {
  return monotonic_now();
}

void SentinelDriver::operate(Run run, std::function<void()> done) {
  if (driver_) driver_->submit(Operation{std::move(run), std::move(done)});
}

void SentinelDriver::ask(AskPrimaryDown question,
                         std::function<void(const PrimaryDownReply&)> answer) {
  if (!driver_) return;
  const uint64_t token = ++last_token_;
  if (questions_.size() >= kMaxQuestions) questions_.erase(questions_.begin());
  questions_.emplace(token, std::move(answer));
  driver_->submit(SentinelInput(PeerQuestion{token, std::move(question)}));
}

void SentinelDriver::hear_hello(std::string payload) {
  if (driver_) driver_->submit(SentinelInput(HelloHeard{std::nullopt, std::move(payload)}));
}

std::vector<SentinelDriver::Effect> SentinelDriver::step(Input& input) {
  const Instant now = monotonic_now();
  SentinelEffects out;
  std::vector<Effect> effects;
  Task done;
  if (auto* heard = std::get_if<SentinelInput>(&input)) {
    machine_->receive(now, *heard, out);
  } else if (auto* operation = std::get_if<Operation>(&input)) {
    operation->run(*machine_, now, out);
    done = std::move(operation->done);
  } else {
    machine_->tick(now, out);
  }
  for (SentinelEffect& effect : out.take()) effects.emplace_back(std::move(effect));
  if (done) effects.emplace_back(std::move(done));
  schedule();
  return effects;
}

void SentinelDriver::schedule() {
  const Instant next = machine_->next_deadline();
  const Nanos wait = std::max(Nanos(0), next - monotonic_now());
  timer_ = loop_.after(wait, [this] { driver_->submit(Tick{}); });
}

void SentinelDriver::perform(Effect& effect, Driver::Done done) {
  if (Task* task = std::get_if<Task>(&effect)) {
    (*task)();
    return done();
  }
  const bool finished =
      std::visit([&](auto& each) { return on(each, done); }, std::get<SentinelEffect>(effect));
  if (finished) done();
}

bool SentinelDriver::on(OpenLink& open, Driver::Done&) {
  links_->open(open);
  return true;
}

bool SentinelDriver::on(CloseLink& close, Driver::Done&) {
  links_->close(close);
  return true;
}

bool SentinelDriver::on(Send& send, Driver::Done&) {
  links_->send(send);
  return true;
}

bool SentinelDriver::on(Persist& persist, Driver::Done& done) {
  std::string text = rewrite_conf(on_disk_, conf_for(std::move(persist.state)));
  if (text == on_disk_) return true;  // It is on disk already.
  on_disk_ = text;
  auto outcome = std::make_shared<Result<void>>();
  loop_.in_background(
      [path = options_.config_file, text = std::move(text), outcome] {
        *outcome = replace_file(path, text);
      },
      [outcome, done = std::move(done)] {
        if (!*outcome) {
          // A promise that cannot be kept must not be made.
          log_warning(
              "WARNING: Sentinel was not able to save the new configuration on disk!!!: {}. "
              "It stops here, since votes that are not on disk could be given twice; make "
              "the directory writable and start it again.",
              outcome->error().message());
          std::_Exit(1);
        }
        log_notice("Sentinel new configuration saved on disk");
        done();
      });
  return false;
}

bool SentinelDriver::on(Announce& announce, Driver::Done&) {
  say(announce.level, announce.type, announce.text);
  const bool crash = (simulation_.crash_after_election && announce.type == "+elected-leader") ||
                     (simulation_.crash_after_promotion && announce.type == "+promoted-slave");
  if (crash) {
    log_warning("Sentinel CRASH because of SENTINEL simulate-failure");
    std::_Exit(99);
  }
  return true;
}

void SentinelDriver::say(EventLevel level, const std::string& type, const std::string& text) {
  switch (level) {
    case EventLevel::kDebug:
      log_debug("{} {}", type, text);
      return;  // Not published.
    case EventLevel::kVerbose:
      log_verbose("{} {}", type, text);
      break;
    case EventLevel::kNotice:
      log_notice("{} {}", type, text);
      break;
    case EventLevel::kWarning:
      log_warning("{} {}", type, text);
      break;
  }
  if (publish_) publish_(type, text);
}

bool SentinelDriver::on(RunScript& script, Driver::Done&) {
  scripts_->run(std::move(script.path), std::move(script.args));
  return true;
}

bool SentinelDriver::on(AnswerPeer& answer, Driver::Done&) {
  const auto found = questions_.find(answer.token);
  if (found == questions_.end()) return true;
  const auto reply = std::move(found->second);
  questions_.erase(found);
  reply(answer.reply);
  return true;
}

void SentinelDriver::resolve(std::string host,
                             std::function<void(const Result<std::string>&)> answer) {
  if (resolver_) resolver_->resolve(std::move(host), std::move(answer));
}

bool SentinelDriver::on(ResolveHost& wanted, Driver::Done&) {
  const std::string& host = wanted.hostname;
  resolve(host, [this, host](const Result<std::string>& ip) {
    if (!driver_) return;
    if (!ip && unresolved_.insert(host).second) log_warning("{}", ip.error().message());
    if (ip) unresolved_.erase(host);
    driver_->submit(SentinelInput(HostResolved{host, ip ? *ip : ""}));
  });
  return true;
}

Credentials SentinelDriver::node_credentials(const std::string& name) const {
  const Primary* primary = machine_->find(name);
  if (primary == nullptr) return {};
  const PrimaryOptions& options = primary->options;
  return {options.auth_user, options.auth_pass, options.renamed_commands};
}

Credentials SentinelDriver::peer_credentials() const {
  if (!options_.conf.sentinel_pass.empty()) {
    return {options_.conf.sentinel_user, options_.conf.sentinel_pass, {}};
  }
  return {"", options_.config.requirepass, {}};
}

SentinelConf SentinelDriver::conf_for(DurableState state) const {
  return {std::move(state), machine_->options(), options_.conf.sentinel_user,
          options_.conf.sentinel_pass};
}

SentinelConf SentinelDriver::settings() const {
  return conf_for(machine_->durable());
}

void SentinelDriver::change_settings(const SentinelConf& changed, std::function<void()> done) {
  operate(
      [this, changed](SentinelMachine& machine, Instant, SentinelEffects& out) {
        const SentinelTimings timings = machine.options().timings;
        machine.options() = changed.options;
        machine.options().timings = timings;
        options_.conf.sentinel_user = changed.sentinel_user;
        options_.conf.sentinel_pass = changed.sentinel_pass;
        out.add(Persist{machine.durable()});
      },
      std::move(done));
}

void SentinelDriver::change_timings(const SentinelTimings& timings) {
  machine_->options().timings = timings;
  scripts_->queue().timing = {timings.script_max_runtime, timings.script_retry_delay};
}

}  // namespace redan
