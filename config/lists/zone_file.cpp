#include "config/lists/zone_file.hpp"

#include "config/lists/list.hpp"

#include <algorithm>
#include <new>

namespace nearmiss {

namespace {

// Cuts the text up to a blank off `line`.
std::string_view next_word(std::string_view& line) {
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

bool is_class_in(std::string_view word) {
  return word == "IN" || word == "in";
}

// As text: longer ones ldns does not read (LDNS_MAX_LINELEN).
constexpr std::size_t longest_record = 16384;

// Where the record that begins at the start of `text` goes wrong before ldns would say so: it takes
// what a `(` that is never closed encloses for one record, to the end of the file, what stands
// behind a backslash at a line's end for more of the word, and UTF-8 for a label of these octets,
// which nobody asks for. Empty: it does not. (RFC 1035 section 5.1: quotes end with the line, as
// ldns has it, and hide all of these.)
std::string_view misleading(std::string_view text) {
  std::size_t open = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!quoted && static_cast<unsigned char>(text[at]) >= 0x80) {
      return "a character beyond ASCII; write the name in A-label form (xn--...), or the octet as "
             "`\\` and three digits";
    }
    switch (text[at]) {
    case '\\':
      if (text.substr(at + 1, 1) == "\n" || text.substr(at + 1, 2) == "\r\n") {
        return "a backslash at the end of the line; take it away";
      }
      ++at;
      break;
    case '"':
      quoted = !quoted;
      break;
    case ';':
      if (!quoted) {
        at = std::min(text.find('\n', at), text.size()) - 1;
      }
      break;
    case '(':
      open += quoted ? 0 : 1;
      break;
    case ')':
      open -= quoted || open == 0 ? 0 : 1;
      break;
    case '\n':
      if (open == 0) {
        return {};
      }
      quoted = false;
      break;
    default:
      break;
    }
  }
  return open == 0 ? std::string_view()
                   : "a `(` that is never closed; write a `)` behind the record's last line";
}

bool is_ttl(std::string_view word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
}

} // namespace

Name name_of(const ldns_rdf* rdf) {
  const auto name = Name::from_wire({ldns_rdf_data(rdf), ldns_rdf_size(rdf)});
  return name.value_or(Name()); // ldns has checked it
}

ZoneFile::ZoneFile(std::string_view content, bool (*is_short)(std::string_view target))
    : content_(content), is_short_(is_short),
      file_(fmemopen(const_cast<char*>(content.data()), content.size(), "r"), std::fclose),
      origin_(ldns_dname_new_frm_str("."), ldns_rdf_deep_free) {
  if (!file_ || !origin_) {
    throw std::bad_alloc();
  }
}

ZoneFile::~ZoneFile() {
  ldns_rdf_deep_free(previous_);
}

void ZoneFile::read(const Found& found, const Broken& broken) {
  while (at_ < content_.size()) {
    const std::size_t end = std::min(content_.find('\n', at_), content_.size());
    ZoneRecord record{static_cast<std::size_t>(line_), {}, LDNS_RR_TYPE_CNAME, {}, nullptr};
    if (read_short(content_.substr(at_, end - at_), record)) {
      at_ = end + 1;
      ++line_;
      found(record);
    } else {
      read_by_ldns(found, broken);
    }
  }
}

// `owner [TTL] [IN] CNAME target [; comment]`, TTL and class in either order (RFC 1035 section 5.1;
// ldns wants the TTL first), if the line is that and nothing else.
bool ZoneFile::read_short(std::string_view line, ZoneRecord& record) {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  line = line.substr(0, line.find(';'));
  if (line.empty() || line.find_first_of("\"\\()@$") != std::string_view::npos) {
    return false;
  }
  std::string_view owner = next_word(line); // empty if the line starts with a blank
  std::string_view word = next_word(line = without_blanks(line));
  const auto skip_if = [&](bool skipped) {
    if (skipped) {
      word = next_word(line = without_blanks(line));
    }
    return skipped;
  };
  const bool class_first = skip_if(is_class_in(word));
  skip_if(is_ttl(word));
  if (!class_first) {
    skip_if(is_class_in(word));
  }
  line = without_blanks(line);
  if (owner.empty() || (word != "CNAME" && word != "cname") || !is_short_(line)) {
    return false;
  }
  auto name = Name::from_text(owner);
  if (name && !owner.ends_with('.')) {
    name = name->with_suffix(Name(), origin_name_);
  }
  if (!name) {
    return false; // ldns says why
  }
  record.owner = last_owner_ = *name;
  owner_is_newer_ = true;
  record.target = line;
  return true;
}

void ZoneFile::read_by_ldns(const Found& found, const Broken& broken) {
  if (const std::string_view problem = misleading(content_.substr(at_, longest_record));
      !problem.empty()) {
    broken(static_cast<std::size_t>(line_), std::string(problem));
    at_ = std::min(content_.find('\n', at_), content_.size() - 1) + 1; // the others stay listed
    ++line_;
    return;
  }
  if (owner_is_newer_) { // for a line that starts with a blank
    ldns_rdf_deep_free(previous_);
    const auto wire = last_owner_.wire();
    previous_ = ldns_dname_new_frm_data(static_cast<std::uint16_t>(wire.size()), wire.data());
    owner_is_newer_ = false;
  }
  if (std::fseek(file_.get(), static_cast<long>(at_), SEEK_SET) != 0) {
    throw std::bad_alloc();
  }
  const auto line = static_cast<std::size_t>(line_);
  ldns_rr* raw = nullptr;
  ldns_rdf* origin = origin_.release();
  const ldns_status status =
      ldns_rr_new_frm_fp_l(&raw, file_.get(), &ttl_, &origin, &previous_, &line_);
  origin_.reset(origin);
  const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, ldns_rr_free);
  at_ = std::feof(file_.get()) != 0 ? content_.size()
                                    : static_cast<std::size_t>(std::ftell(file_.get()));
  switch (status) {
  case LDNS_STATUS_OK:
    if (ldns_rr_get_class(raw) != LDNS_RR_CLASS_IN) {
      broken(line, "a record of another class than IN; take it out");
      return;
    }
    found(ZoneRecord{line,
                     name_of(ldns_rr_owner(raw)),
                     static_cast<std::uint16_t>(ldns_rr_get_type(raw)),
                     {},
                     raw});
    return;
  case LDNS_STATUS_SYNTAX_ORIGIN:
    origin_name_ = name_of(origin_.get());
    return;
  case LDNS_STATUS_SYNTAX_TTL:
  case LDNS_STATUS_SYNTAX_EMPTY:
    return;
  case LDNS_STATUS_MEM_ERR:
    throw std::bad_alloc();
  case LDNS_STATUS_SYNTAX_INCLUDE:
    broken(line, "`$INCLUDE` is not followed: the policy would depend on a file that it does not "
                 "name; put that file's records here, or in a list of their own");
    return;
  default: {
    const char* const why = ldns_get_errorstr_by_id(status);
    broken(line, "no record of a zone file (" + std::string(why != nullptr ? why : "?") +
                     "); write one as `name CNAME .`, with a TTL before the class");
  }
  }
}

} // namespace nearmiss
