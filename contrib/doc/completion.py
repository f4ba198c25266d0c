"""Shell completion of `nearmiss` for bash, zsh and fish, from the command's own description
(`nearmiss --describe`)."""

import re

HEAD = "# Completion of `nearmiss`. Made by `cmake --build build --target documents`."


def choices_of(option):
    """The words that an option takes, if there are few."""
    found = re.search(r"\{([^}]*)\}", option["takes"])
    return found[1].split(",") if found else []


FILES = {"--config", "--html", "--module", "--output", "--socket", "--unbound"}  # their values are paths


def takes_file(option):
    return bool(FILES.intersection(option["names"]))


def positional_is_file(command):
    return any(one["name"] in ("FILE", "LOG") for one in command["positionals"])


def names_of(command):
    return [name for option in command["options"] for name in option["names"]]


def bash(command):
    cases, values, files = [], [], []
    for one in command["commands"]:
        cases.append(f"    {one['name']}) options=\"{' '.join(names_of(one))}\" ;;")
        if positional_is_file(one):
            files.append(one["name"])
        for option in one["options"]:
            for name in option["names"]:
                if choices_of(option):
                    values.append(f"    {one['name']}:{name}) "
                                  f"COMPREPLY=($(compgen -W \"{' '.join(choices_of(option))}\" -- \"$current\")) ;;")
                elif takes_file(option):
                    values.append(f"    {one['name']}:{name}) COMPREPLY=($(compgen -f -- \"$current\")) ;;")
                elif option["takes"]:
                    values.append(f"    {one['name']}:{name}) ;; # a value of the admin's")
    newline = "\n"
    return f"""{HEAD}
# shellcheck shell=bash disable=SC2207

_nearmiss() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command=${{COMP_WORDS[1]}} options=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "{' '.join([one['name'] for one in command['commands']] + names_of(command))}" -- "$current"))
    return
  fi
  case $command:$previous in
{newline.join(values)}
  *)
    case $command in
{newline.join('  ' + case for case in cases)}
    esac
    if [[ $current == -* ]]; then
      COMPREPLY=($(compgen -W "$options" -- "$current"))
      return
    fi
    case $command in
      {' | '.join(files)}) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
    ;;
  esac
}}
complete -o filenames -F _nearmiss nearmiss
"""


def plain(text):
    """A description as one line without what the shells' quoting would need."""
    return re.sub(r"\s+", " ", text).replace("`", "").replace("'", "’").replace("\\", "")


def zsh_text(text):
    return plain(text).replace("[", "(").replace("]", ")").replace(":", "\\:")


def zsh(command):
    listed = "\n".join(f"    '{one['name']}:{zsh_text(one['description'])}'"
                       for one in command["commands"])
    cases = []
    for one in command["commands"]:
        lines = []
        for option in one["options"]:
            action = ""
            if choices_of(option):
                action = f":value:({' '.join(choices_of(option))})"
            elif takes_file(option):
                action = ":file:_files"
            elif option["takes"]:
                action = ":value: "
            names = option["names"]
            shown = names[0] if len(names) == 1 else "{" + ",".join(names) + "}"
            star = "*" if option["many"] else ""
            if len(names) == 1:
                lines.append(f"        '{star}{shown}[{zsh_text(option['description'])}]{action}'")
            else:
                lines.append(f"        {star}{shown}'[{zsh_text(option['description'])}]{action}'")
        for at, positional in enumerate(one["positionals"], 1):
            place = "*" if positional["many"] else str(at)
            action = "_files" if positional["name"] in ("FILE", "LOG") else " "
            lines.append(f"        '{place}:{positional['name']}:{action}'")
        body = " \\\n".join(lines)
        cases.append(f"      {one['name']})\n        _arguments \\\n{body}\n        ;;")
    newline = "\n"
    return f"""#compdef nearmiss
{HEAD}

_nearmiss() {{
  local -a commands
  commands=(
{listed}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
{newline.join(cases)}
  esac
}}

_nearmiss "$@"
"""


def fish(command):
    lines = [HEAD, "", "complete -c nearmiss -f"]
    for option in command["options"]:
        lines.append(fish_option("__fish_use_subcommand", option))
    for one in command["commands"]:
        lines.append(f"complete -c nearmiss -n __fish_use_subcommand -a {one['name']} "
                     f"-d '{plain(one['description'])}'")
    for one in command["commands"]:
        seen = f"__fish_seen_subcommand_from {one['name']}"
        for option in one["options"]:
            lines.append(fish_option(seen, option))
        if positional_is_file(one):
            lines.append(f"complete -c nearmiss -n '{seen}' -F")
    return "\n".join(lines) + "\n"


def fish_option(condition, option):
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                     for name in option["names"])
    value = ""
    if choices_of(option):
        value = f" -x -a '{' '.join(choices_of(option))}'"
    elif takes_file(option):
        value = " -r -F"
    elif option["takes"]:
        value = " -x"
    return f"complete -c nearmiss -n '{condition}' {names}{value} -d '{plain(option['description'])}'"
