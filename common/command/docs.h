// The replies of COMMAND and its subcommands, computed from the catalog. `args` is the whole
// request, "COMMAND" included; the arity was checked.
#pragma once

#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/command/catalog.h"
#include "common/resp/writer.h"

namespace redan {

using DocWords = std::span<const std::string_view>;

void command_all(const CommandCatalog& catalog, ReplyWriter& reply);
void command_count(const CommandCatalog& catalog, ReplyWriter& reply);
// LIST [FILTERBY MODULE name|ACLCAT category|PATTERN glob]
Result<void> command_list(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply);
// INFO [name ...]: null for a name that is not known.
void command_info(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply);
// DOCS [name ...]: names that are not known are left out.
void command_docs(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply);
// GETKEYS and GETKEYSANDFLAGS, of the request behind the first two words.
Result<void> command_getkeys(const CommandCatalog& catalog, DocWords args, ReplyWriter& reply);
Result<void> command_getkeysandflags(const CommandCatalog& catalog, DocWords args,
                                     ReplyWriter& reply);

// HELP of any container: each subcommand with its arguments and its summary. `called` is the name
// that the client used for it.
void write_help(const CommandEntry& container, std::string_view called, ReplyWriter& reply);

}  // namespace redan
