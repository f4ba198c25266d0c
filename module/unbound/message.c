/*
 * A message, flattened for the core, and what its findings do to it.
 */
#include "module/unbound/adapter.h"

struct nm_rrset flatten(const struct ub_packed_rrset_key* rrset, uint8_t section) {
  const struct packed_rrset_data* data = data_of(rrset);
  return (struct nm_rrset){
      .owner = {rrset->rk.dname, rrset->rk.dname_len},
      .type = type_of(rrset),
      .section = section,
      .count = data->count,
      .rdata = data->rr_data,
      .rdata_len = data->rr_len,
  };
}

bool inspect(const struct nm_policy* policy, const struct module_qstate* qstate,
             const struct reply_info* rep, struct message* message) {
  size_t authority = rep->an_numrrsets, additional = authority + rep->ns_numrrsets;
  message->rrsets = message->few;
  message->count = rep->rrset_count;
  message->findings = 0;
  if (message->count > sizeof(message->few) / sizeof(message->few[0])) {
    message->rrsets = regional_alloc(qstate->region, message->count * sizeof(*message->rrsets));
    if (!message->rrsets)
      return false;
  }
  for (size_t i = 0; i < message->count; i++)
    message->rrsets[i] = flatten(rep->rrsets[i], i < authority    ? NM_ANSWER
                                                 : i < additional ? NM_AUTHORITY
                                                                  : NM_ADDITIONAL);
  message->findings = nm_inspect(policy, qstate->qinfo.qtype, message->rrsets, message->count);
  return true;
}

void drop_strays(struct reply_info* rep, const struct message* message, bool additional) {
  size_t kept = 0;
  if (!(message->findings & NM_STRAY))
    return;
  for (size_t i = 0; i < message->count; i++) {
    const struct nm_rrset* rrset = &message->rrsets[i];
    if (!(rrset->findings & NM_STRAY) || (rrset->section == NM_ADDITIONAL && !additional))
      rep->rrsets[kept++] = rep->rrsets[i];
    else if (rrset->section == NM_AUTHORITY)
      rep->ns_numrrsets--;
    else
      rep->ar_numrrsets--;
  }
  rep->rrset_count = kept;
}

bool keep_answer(const struct module_qstate* qstate, struct listed_query* listed,
                 const struct message* message) {
  size_t count = 0;
  while (count < message->count && message->rrsets[count].section == NM_ANSWER)
    count++;
  listed->findings = message->findings;
  listed->answer_count = 0;
  if (count == 0)
    return true;
  listed->answer =
      regional_alloc_init(qstate->region, message->rrsets, count * sizeof(*message->rrsets));
  if (!listed->answer)
    return false;
  listed->answer_count = count;
  return true;
}

bool answers_with(const struct reply_info* rep, uint16_t type) {
  for (size_t i = 0; i < rep->an_numrrsets; i++)
    if (type_of(rep->rrsets[i]) == type)
      return true;
  return false;
}
