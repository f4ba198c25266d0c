// What a blocked client is told beside the block: the EXTRA-TEXT of Extended DNS Error 15 (Blocked,
// RFC 8914).
//
// Plain text, or, for a client whose query has EDNS option 26, I-JSON for its program to show
// (draft-ietf-dnsop-structured-dns-error): `c` contacts, `j` what it is about, `s` the sub-error,
// `o` the organisation, `l` the language of both. Without a contact there is no such JSON.
#pragma once

#include "config/config.hpp"
#include "module/core.h"
#include "rules/rule.hpp"

#include <string_view>

namespace nearmiss {

// Sets `answer.why` for the answer that is in `answer`. No text makes the reply longer than the
// lookup's `max_size`: of the JSON first `o` goes, then `j`, then all of it; plain text is cut off.
// Throws std::bad_alloc.
void explain(const Contact& contact, const Rule& rule, std::string_view intended,
             const nm_lookup& lookup, nm_answer& answer);

} // namespace nearmiss
