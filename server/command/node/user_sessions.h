// What users and their rules mean for sessions and files: who is closed when a user goes, where
// refusals are noted, what ACL files hold.
#pragma once

#include <string_view>

#include "common/config/value.h"
#include "server/command/call.h"
#include "server/session/access.h"

namespace redan {

// For Directory::on_change. Sessions of a user that is gone are closed, and so are those that
// listen to channels which their user may not listen to any more.
void user_changed(ServerParts& server, const acl::User* before, const acl::User* after);

// Counts a refusal, and ACL LOG has it. `user` is whom it was refused to, or whom somebody wanted
// to be; `object` the command, key, channel, or the command that signs in.
void note_denial(ServerParts& server, const Session& session, acl::Reason reason,
                 std::string_view object, std::string_view user);

// The aclfile, whole or not at all.
Result<void> load_users_file(ServerParts& server);
Result<void> save_users_file(ServerParts& server);

// The `user` lines of redis.conf: all users, but for a default user that requirepass says all of.
LineList declarations(const ServerParts& server);

}  // namespace redan
