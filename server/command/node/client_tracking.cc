#include "server/command/node/client_tracking.h"

#include "common/base/parse.h"
#include "server/drivers/client_io.h"
#include "server/session/tracking.h"

namespace redan {

namespace {

// The client must be there now; later it may go.
Result<Session*> redirect_target(Call& call, std::string_view word) {
  const Result<int64_t> id = integer_arg(word);
  if (!id) return id.error();
  Session* const found = *id < 0 ? nullptr : call.server().clients.find(static_cast<uint64_t>(*id));
  if (found == nullptr) return Error("The client ID you want redirect to does not exist");
  return found;
}

Result<Tracking::Wish> wish_of(Call& call) {
  Tracking::Wish wish;
  ArgReader words(call.args(), 3);
  while (words.more()) {
    if (words.match_with("REDIRECT", 1)) {
      if (wish.redirect != nullptr) {
        return Error("A client can only redirect to a single other client");
      }
      const Result<Session*> target = redirect_target(call, words.next());
      if (!target) return target.error();
      wish.redirect = *target;
    } else if (words.match("BCAST")) {
      wish.mode.broadcast = true;
    } else if (words.match("OPTIN")) {
      wish.mode.opt_in = true;
    } else if (words.match("OPTOUT")) {
      wish.mode.opt_out = true;
    } else if (words.match("NOLOOP")) {
      wish.mode.no_loop = true;
    } else if (words.match_with("PREFIX", 1)) {
      wish.prefixes.push_back(words.next());
    } else {
      return syntax_error();
    }
  }
  return wish;
}

}  // namespace

Result<void> client_tracking(Call& call) {
  Result<Tracking::Wish> wish = wish_of(call);
  if (!wish) return wish.error();
  Tracking& tracking = call.server().tracking;
  if (iequals(call.arg(2), "on")) {
    if (Result<void> on = tracking.turn_on(call.session(), *wish); !on) return on;
    call.keyspace().watch_changes(true);
  } else if (iequals(call.arg(2), "off")) {
    tracking.turn_off(call.session());
  } else {
    return syntax_error();
  }
  call.reply().ok();
  return kOk;
}

Result<void> client_caching(Call& call) {
  // (Redis looks at the client first, then at the word.)
  const bool yes = iequals(call.arg(2), "yes");
  if (!yes && !iequals(call.arg(2), "no") && call.session().tracker != nullptr) {
    return syntax_error();
  }
  if (Result<void> set = call.server().tracking.set_caching(call.session(), yes); !set) return set;
  call.reply().ok();
  return kOk;
}

int64_t redirection_of(const Session& session) {
  return session.tracker == nullptr ? -1 : static_cast<int64_t>(session.tracker->redirect);
}

Result<void> client_getredir(Call& call) {
  call.reply().integer(redirection_of(call.session()));
  return kOk;
}

Result<void> client_trackinginfo(Call& call) {
  const Tracker* const tracker = call.session().tracker;
  std::vector<std::string_view> flags = {tracker == nullptr ? "off" : "on"};
  if (tracker != nullptr) {
    const TrackingMode& mode = tracker->mode;
    if (mode.broadcast) flags.push_back("bcast");
    if (mode.opt_in) flags.push_back("optin");
    if (mode.opt_in && tracker->caching) flags.push_back("caching-yes");
    if (mode.opt_out) flags.push_back("optout");
    if (mode.opt_out && tracker->caching) flags.push_back("caching-no");
    if (mode.no_loop) flags.push_back("noloop");
    if (tracker->broken) flags.push_back("broken_redirect");
  }
  ReplyWriter& reply = call.reply();
  reply.map(3);
  reply.bulk("flags");
  reply.set(flags.size());
  for (const std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("redirect");
  reply.integer(redirection_of(call.session()));
  reply.bulk("prefixes");
  reply.array(tracker == nullptr ? 0 : tracker->prefixes.size());
  if (tracker != nullptr) {
    for (const std::string& prefix : tracker->prefixes) reply.bulk(prefix);
  }
  return kOk;
}

}  // namespace redan
