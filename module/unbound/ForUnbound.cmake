# The Unbound that the module is built for: UNBOUND_SOURCE_DIR, UNBOUND_BUILD_DIR and UNBOUND_PROGRAM.
#
# The structures are the source's, their layout is config.h's, and the program must be of both. The
# module refuses any other program when it is loaded (host_guard.h); what does not fit is said here
# already. Sets `unbound_definitions`, what the adapter is compiled with.

set(unbound_program ${UNBOUND_PROGRAM})
if(NOT unbound_program)
  set(unbound_program ${UNBOUND_BUILD_DIR}/unbound)
endif()

foreach(needed ${UNBOUND_BUILD_DIR}/config.h ${UNBOUND_SOURCE_DIR}/util/module.h)
  if(NOT EXISTS ${needed})
    message(FATAL_ERROR "${needed} is missing: run contrib/unbound/build.sh, or name the Unbound that "
      "will load the module by -DUNBOUND_SOURCE_DIR=... -DUNBOUND_BUILD_DIR=...")
  endif()
endforeach()
if(NOT EXISTS ${unbound_program})
  message(FATAL_ERROR "There is no Unbound at ${unbound_program}. The module is tied to the program that loads "
    "it: name that program by -DUNBOUND_PROGRAM=/usr/sbin/unbound")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${unbound_program} ${UNBOUND_BUILD_DIR}/config.h)

file(STRINGS ${UNBOUND_SOURCE_DIR}/configure source_version REGEX "^PACKAGE_VERSION='" LIMIT_COUNT 1)
string(REGEX REPLACE "^PACKAGE_VERSION='(.*)'$" "\\1" source_version "${source_version}")
if(NOT source_version STREQUAL UNBOUND_VERSION)
  message(FATAL_ERROR "The source in ${UNBOUND_SOURCE_DIR} is of Unbound ${source_version}, but "
    "${UNBOUND_BUILD_DIR}/config.h of ${UNBOUND_VERSION}: name a source by -DUNBOUND_SOURCE_DIR=... and the "
    "directory it was configured in by -DUNBOUND_BUILD_DIR=...")
endif()
file(STRINGS ${UNBOUND_BUILD_DIR}/config.h threads REGEX "^#define HAVE_PTHREAD 1")
if(NOT threads)
  message(FATAL_ERROR "The Unbound in ${UNBOUND_BUILD_DIR} is configured without threads: each of its workers is a "
    "process then, and no changed policy reaches it. Configure it --with-pthreads")
endif()
if(NOT CMAKE_CROSSCOMPILING)
  file(STRINGS ${UNBOUND_BUILD_DIR}/config.h configure_line REGEX "^#define CONFCMDLINE ")
  string(REGEX REPLACE "^#define CONFCMDLINE \"(.*)\"$" "\\1" configure_line "${configure_line}")
  string(REPLACE "\\\"" "\"" configure_line "${configure_line}")
  execute_process(COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 ${unbound_program} -V
    OUTPUT_VARIABLE unbound_says ERROR_VARIABLE unbound_says)
  foreach(expected "Version ${UNBOUND_VERSION}\n" "Configure line: ${configure_line}\n")
    string(FIND "${unbound_says}" "${expected}" place)
    if(place EQUAL -1)
      message(FATAL_ERROR "${unbound_program} is not of ${UNBOUND_BUILD_DIR}/config.h. unbound -V says:\n"
        "${unbound_says}\nand config.h:\n${expected}Build that Unbound anew, or name the directory it was "
        "configured in by -DUNBOUND_BUILD_DIR=...")
    endif()
  endforeach()
  if(NOT unbound_says MATCHES "Linked modules:[^\n]* dynlib")
    message(FATAL_ERROR "${unbound_program} cannot load modules (`unbound -V` lists no dynlib): "
      "configure it --with-dynlibmodule, or run contrib/unbound/build.sh")
  endif()
endif()

# The build, as host_guard.c reads it in the running program.
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C ${CMAKE_READELF} -n ${unbound_program}
  OUTPUT_VARIABLE notes RESULT_VARIABLE result ERROR_VARIABLE notes_error)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${CMAKE_READELF} cannot read ${unbound_program}: ${notes_error}")
endif()
if(notes MATCHES "Build ID: ([0-9a-f]+)")
  set(unbound_build build-id:${CMAKE_MATCH_1})
else()
  file(SHA256 ${unbound_program} unbound_build)
  set(unbound_build sha256:${unbound_build})
endif()
message(STATUS "The module is for Unbound ${UNBOUND_VERSION} (${unbound_build}): ${unbound_program}")

set(tested ${CMAKE_CURRENT_LIST_DIR}/tested-releases.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${tested})
string(REPLACE "." "\\." this_release "${UNBOUND_VERSION}")
file(STRINGS ${tested} row REGEX "^${this_release}[ \t]")
if(NOT row)
  file(STRINGS ${tested} rows REGEX "^[0-9]")
  list(TRANSFORM rows REPLACE "[ \t].*" "")
  list(JOIN rows ", " rows)
  message(WARNING "nearmiss has not been tested with Unbound ${UNBOUND_VERSION}, but with ${rows}. Run "
    "tests/run.sh with it before you rely on it, and add it to ${tested}")
endif()

set(unbound_definitions "NM_UNBOUND_BUILD=\"${unbound_build}\"")
# What releases before 1.22 do not have.
file(STRINGS ${UNBOUND_SOURCE_DIR}/util/module.h rpz_applied REGEX "int rpz_applied;")
if(rpz_applied)
  list(APPEND unbound_definitions UNBOUND_TELLS_RPZ_APPLIED)
endif()
file(STRINGS ${UNBOUND_SOURCE_DIR}/util/data/msgreply.h norec_ttl REGEX "time_t serve_expired_norec_ttl;")
if(norec_ttl)
  list(APPEND unbound_definitions UNBOUND_HAS_NOREC_TTL)
endif()
file(STRINGS ${UNBOUND_SOURCE_DIR}/util/module.h fwd_stub_no_cache REGEX "int fwd_stub_no_cache;")
if(fwd_stub_no_cache) # since 1.26
  list(APPEND unbound_definitions UNBOUND_HAS_FWD_STUB_NO_CACHE)
endif()
file(STRINGS ${UNBOUND_SOURCE_DIR}/services/listen_dnsport.h socket_addrinfo REGEX "struct addrinfo[*] addr;")
if(socket_addrinfo) # 1.17
  list(APPEND unbound_definitions UNBOUND_SOCKET_HAS_ADDRINFO)
endif()
