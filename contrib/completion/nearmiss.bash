# Completion of `nearmiss`. Made by `cmake --build build --target documents`.
# shellcheck shell=bash disable=SC2207

_nearmiss() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} options=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "check explain generate learn simulate export status reload report tail verify sinkhole observe enforce allow -h --help --version" -- "$current"))
    return
  fi
  case $command:$previous in
    check:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    check:--unbound) COMPREPLY=($(compgen -f -- "$current")) ;;
    check:--module) COMPREPLY=($(compgen -f -- "$current")) ;;
    explain:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    explain:--client) ;; # a value of the admin's
    explain:--type) ;; # a value of the admin's
    generate:--format) COMPREPLY=($(compgen -W "domains rpz yaml postfix" -- "$current")) ;;
    generate:--classes) ;; # a value of the admin's
    learn:--days) ;; # a value of the admin's
    learn:--protect) ;; # a value of the admin's
    simulate:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    simulate:--top) ;; # a value of the admin's
    export:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    export:--format) COMPREPLY=($(compgen -W "rpz" -- "$current")) ;;
    export:--zone) ;; # a value of the admin's
    export:--output) COMPREPLY=($(compgen -f -- "$current")) ;;
    export:--client) ;; # a value of the admin's
    status:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    status:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    status:--timeout) ;; # a value of the admin's
    reload:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    reload:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    reload:--timeout) ;; # a value of the admin's
    report:--since) ;; # a value of the admin's
    report:--until) ;; # a value of the admin's
    report:--client) ;; # a value of the admin's
    report:--domain) ;; # a value of the admin's
    report:--rule) ;; # a value of the admin's
    report:--resolver) ;; # a value of the admin's
    report:--outcome) COMPREPLY=($(compgen -W "let through queued sinkhole bounced" -- "$current")) ;;
    report:--title) ;; # a value of the admin's
    report:--window) ;; # a value of the admin's
    report:--top) ;; # a value of the admin's
    report:--attempts) ;; # a value of the admin's
    report:--html) COMPREPLY=($(compgen -f -- "$current")) ;;
    report:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    tail:-n) ;; # a value of the admin's
    tail:--lines) ;; # a value of the admin's
    tail:--client) ;; # a value of the admin's
    tail:--rule) ;; # a value of the admin's
    tail:--domain) ;; # a value of the admin's
    tail:--color) COMPREPLY=($(compgen -W "auto always never" -- "$current")) ;;
    tail:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    verify:--kept) ;; # a value of the admin's
    verify:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    sinkhole:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    observe:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    observe:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    observe:--timeout) ;; # a value of the admin's
    observe:--for) ;; # a value of the admin's
    enforce:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    enforce:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    enforce:--timeout) ;; # a value of the admin's
    enforce:--for) ;; # a value of the admin's
    allow:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    allow:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    allow:--timeout) ;; # a value of the admin's
    allow:--for) ;; # a value of the admin's
    allow:--ticket) ;; # a value of the admin's
    allow:--client) ;; # a value of the admin's
    allow:--take-back) ;; # a value of the admin's
  *)
    case $command in
      check) options="-h --help --config --json --strict --unbound --module --version" ;;
      explain) options="-h --help --config --client --type --tcp --json --version" ;;
      generate) options="-h --help --format --classes --json --version" ;;
      learn) options="-h --help --days --protect --json --version" ;;
      simulate) options="-h --help --config --top --json --version" ;;
      export) options="-h --help --config --format --zone --output --client --protect --version" ;;
      status) options="-h --help --config --socket --timeout --json --version" ;;
      reload) options="-h --help --config --socket --timeout --json --version" ;;
      report) options="-h --help --since --until --client --domain --rule --resolver --outcome --title --window --top --attempts --json --html --config --version" ;;
      tail) options="-h --help -n --lines --client --rule --domain --color --json --no-follow --config --version" ;;
      verify) options="-h --help --json --kept --config --version" ;;
      sinkhole) options="-h --help --config --version" ;;
      observe) options="-h --help --config --socket --timeout --json --for --version" ;;
      enforce) options="-h --help --config --socket --timeout --json --for --version" ;;
      allow) options="-h --help --config --socket --timeout --json --for --ticket --client --list --take-back --version" ;;
    esac
    if [[ $current == -* ]]; then
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      return
    fi
    case $command in
      check | learn | simulate | report | tail | verify) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
    ;;
  esac
}
complete -o filenames -F _nearmiss nearmiss
