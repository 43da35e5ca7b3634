// crash-log-enabled: when the process dies of SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT, the log
// gets a report with the signal and the stack before it does. The signal then takes its usual way,
// so that the exit status and a core file are as without it.
#pragma once

#include <string>

namespace redan {

// `logfile`: where the log goes; empty is standard output. May be called again, with enabled false
// too. Of all that runs in the handler only the first backtrace() allocates; it is made here.
void set_crash_log(bool enabled, const std::string& logfile);

}  // namespace redan
