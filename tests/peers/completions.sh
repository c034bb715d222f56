#!/usr/bin/env bash
# Peer: the system's bash. The completion script is sourced by a bash without any start-up file, and its function is asked the way
# readline asks: words split at colons, the cursor at the end. Arguments: folder, binary.
set -uo pipefail

folder=$1 binary=$2
export ANGELIA_HOME=$folder/home HOME=$folder/home
unset DBUS_SESSION_BUS_ADDRESS BASH_ENV
mkdir -p "$folder/bin" "$ANGELIA_HOME"
ln -s "$binary" "$folder/bin/angelia"
export PATH=$folder/bin:$PATH

ok() { printf 'peer completions/%s: ok (%s)\n' "$1" "$2"; }
failed() { printf 'peer completions/%s: FAILED (%s)\n' "$1" "$2"; }
one_line() { tr -s '[:space:]' ' ' | cut -c1-300; }

# ask WORD… : what the registered function answers for `angelia WORD…` with the last word being typed, one per line.
ask() {
  # Single quotes: the inner bash is to expand these.
  # shellcheck disable=SC2016
  timeout 20 bash --norc --noprofile -c '
    source "$1" || exit 9
    shift
    [[ $(complete -p angelia) =~ -F\ ([^ ]+) ]] || { echo "no function is registered: $(complete -p angelia)" >&2; exit 9; }
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMP_KEY=9
    COMP_LINE="$*" COMP_LINE=${COMP_LINE// : /:} COMP_POINT=${#COMP_LINE}
    "${BASH_REMATCH[1]}" angelia "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"
  ' bash "$folder/angelia.bash" angelia "$@" 2>"$folder/said"
}

# expect NAME WHAT PATTERN WORD… : every answer fits the pattern and there is one.
expect() {
  local name=$1 what=$2 pattern=$3 answers
  shift 3
  if ! answers=$(ask "$@"); then
    failed "$name" "the function failed: $(one_line <"$folder/said")"
  elif [[ -z $answers ]]; then
    failed "$name" "no completion of '$*' $(one_line <"$folder/said")"
  elif grep -vE "$pattern" <<<"$answers" >"$folder/strange"; then
    failed "$name" "'$*' completes to what does not fit $pattern: $(one_line <"$folder/strange")"
  else
    ok "$name" "$(grep -c . <<<"$answers") $what, such as $(head -n 1 <<<"$answers")"
  fi
}

if ! angelia completions bash >"$folder/angelia.bash" 2>"$folder/said"; then
  failed script "angelia completions bash: $(one_line <"$folder/said")"
  exit
fi
if bash --norc --noprofile -n "$folder/angelia.bash" 2>"$folder/said"; then
  ok script "$(wc -l <"$folder/angelia.bash") lines that bash can parse"
else
  failed script "$(one_line <"$folder/said")"
fi

expect families "commands" '^(integrations|integrations:[a-z]*) ?$' integ
expect verbs "verbs, without what stands before the colon" '^c[a-z]+ ?$' integrations : c
expect functions "functions of one provider" '^plane(\.[a-z_]+)? ?$' integrations : call plan
expect function-names "functions" '^plane\.create_[a-z_]+ ?$' integrations : call plane.create_
expect parameters "flags" '^--[a-z-]+=? ?$' integrations : call plane.create_issue --
expect shortcut "functions of a shortcut" '^create_[a-z_]+ ?$' integrations : plane create_
if { angelia config:set credentials.store file && angelia integrations:configure github --account work --set token=x; } \
  >"$folder/said" 2>&1; then
  expect accounts "accounts" '^(default|work) ?$' integrations : call github.list_issues --account ''
else
  failed accounts "the account could not be made: $(one_line <"$folder/said")"
fi
expect spaces "verbs" '^[a-z]+ ?$' integrations ''

answers=$(ask integrations : call plane.create_issue --)
for flag in --name --project-id --json --dry-run; do
  grep -qE -- "^$flag=? ?$" <<<"$answers" || missing+=" $flag"
done
if [[ -z ${missing-} ]]; then ok own-and-theirs "the function's flags and ours"; else failed own-and-theirs "missing:$missing"; fi
