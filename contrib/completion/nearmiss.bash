# Completion of `nearmiss`. Made by `cmake --build build --target documents`.
# shellcheck shell=bash disable=SC2207

_nearmiss() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]} options=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "check explain generate simulate export status reload report tail verify sinkhole -h --help --version" -- "$current"))
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
    simulate:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    simulate:--top) ;; # a value of the admin's
    export:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    export:--format) COMPREPLY=($(compgen -W "rpz" -- "$current")) ;;
    export:--zone) ;; # a value of the admin's
    export:--output) COMPREPLY=($(compgen -f -- "$current")) ;;
    export:--client) ;; # a value of the admin's
    status:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    status:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    reload:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
    reload:--socket) COMPREPLY=($(compgen -f -- "$current")) ;;
    report:--since) ;; # a value of the admin's
    report:--until) ;; # a value of the admin's
    report:--window) ;; # a value of the admin's
    report:--top) ;; # a value of the admin's
    report:--attempts) ;; # a value of the admin's
    report:--html) COMPREPLY=($(compgen -f -- "$current")) ;;
    tail:-n) ;; # a value of the admin's
    tail:--lines) ;; # a value of the admin's
    tail:--client) ;; # a value of the admin's
    tail:--rule) ;; # a value of the admin's
    tail:--domain) ;; # a value of the admin's
    tail:--color) COMPREPLY=($(compgen -W "auto always never" -- "$current")) ;;
    verify:--kept) ;; # a value of the admin's
    sinkhole:--config) COMPREPLY=($(compgen -f -- "$current")) ;;
  *)
    case $command in
      check) options="-h --help --config --json --strict --unbound --module --version" ;;
      explain) options="-h --help --config --client --type --tcp --json --version" ;;
      generate) options="-h --help --format --classes --json --version" ;;
      simulate) options="-h --help --config --top --json --version" ;;
      export) options="-h --help --config --format --zone --output --client --protect --version" ;;
      status) options="-h --help --config --socket --json --version" ;;
      reload) options="-h --help --config --socket --json --version" ;;
      report) options="-h --help --since --until --window --top --attempts --json --html --version" ;;
      tail) options="-h --help -n --lines --client --rule --domain --color --json --no-follow --version" ;;
      verify) options="-h --help --json --kept --version" ;;
      sinkhole) options="-h --help --config --version" ;;
    esac
    if [[ $current == -* ]]; then
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      return
    fi
    case $command in
      check | simulate | report | tail | verify) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
    ;;
  esac
}
complete -o filenames -F _nearmiss nearmiss
