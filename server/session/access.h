// Users of this node, what was refused to them, and as whom a session acts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/acl/denials.h"
#include "common/acl/directory.h"
#include "server/session/session.h"

namespace redan {

struct Access {
  explicit Access(const CommandCatalog& commands) : users(commands) {}

  acl::Directory users;
  acl::DenialLog denials;
  std::array<uint64_t, acl::kReasons> denied{};  // by Reason, since CONFIG RESETSTAT
  std::string file;                              // aclfile, absolute; empty: none
  const Session* asking = nullptr;               // whose command changes users just now
};

inline void sign_in(Session& session, const acl::User& user) {
  session.user = &user;
  session.authenticated = true;
  session.unlimited = user.allows_everything();
}

// As every connection begins: the default user, signed in where it needs no password.
inline void enter(Session& session, const acl::User& default_user) {
  sign_in(session, default_user);
  if (default_user.enabled() && default_user.needs_no_password()) return;
  session.authenticated = session.unlimited = false;
}

// Its user may do more, or less, from here on. (One that was switched off stays signed in.)
inline void judge_anew(Session& session) {
  session.unlimited = session.authenticated && session.user->allows_everything();
}

}  // namespace redan
