// Who is policed, as far as a policy alone does not show that it is meant: warnings of `nearmiss
// check` that depend on the machine it runs on, or that a module in service should not repeat at
// each reload.
#pragma once

#include "config/config.hpp"

#include <istream>
#include <string>
#include <vector>

namespace nearmiss::cli {

// Does a line of /proc/net/tcp or tcp6 say that a server listens on port 25, for any address but
// one that is another machine's?
bool listens_for_mail(std::istream& sockets);
// Does one on this machine? False where /proc cannot be read.
bool has_local_mail_server();

// `local_mail_server`: one runs on the resolver's host.
std::vector<Diagnostic> warn_of_clients(const std::string& file, const Config& config,
                                        bool local_mail_server);

} // namespace nearmiss::cli
