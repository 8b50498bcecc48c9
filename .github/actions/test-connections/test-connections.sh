#!/usr/bin/env bash
# snow test, as the action beside this file runs it: inputs come as INPUT_
# variables; the result is the log, what GITHUB_OUTPUT gets, and the exit code.
#
# macOS has Bash 3.2: no mapfile, and an empty array counts as unset.
set -euo pipefail
# The names of connections are split at spaces, and never looked up as files.
set -f

# An annotation in words of this script only, and the end.
refuse() {
    printf '::error title=snow test::%s\n' "$1" >&2
    printf '%s=%s\n' exit-code 2 ok false >>"$GITHUB_OUTPUT"
    exit 2
}

is_true() {
    case $2 in
    true) ;;
    '' | false) return 1 ;;
    *) refuse "$1: true or false" ;;
    esac
}

# Where a report goes. A path of two lines would be a further output.
path_of() {
    case $2 in
    '') printf '%s' "$own/snow-test.$3" ;;
    -) refuse "$1: a file is meant, not standard output" ;;
    *[$'\r\n']*) refuse "$1: a path is one line" ;;
    *) printf '%s' "$2" ;;
    esac
}

# Snowflake's program has this name as well.
is_ours() {
    [[ $("$1" version </dev/null 2>/dev/null) == "snow "[0-9]* ]]
}

# The program of the source that this action is part of. There the toolchain is
# the source's; the directory of the job may ask for an older one.
build() {
    command -v cargo >/dev/null || refuse 'there is no snow on the PATH, and no cargo to build it'
    printf '::group::Build snow\n'
    (cd "$GITHUB_ACTION_PATH/../../.." && cargo install --locked --path . --root "$RUNNER_TEMP/snow") 2>&1 ||
        refuse 'snow could not be built'
    printf '::endgroup::\n'
}

# A number of the summary in the JSON report. Within a string of it a quote has
# a backslash before it, so that nothing else looks like this.
counted() {
    local pattern="\"summary\": *\{[^{}]*\"$1\": *([0-9]+)"
    if [[ $report =~ $pattern ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# The token in which GitHub says what this job is, for an audience. It is good for some
# minutes, and a build takes longer.
id_token() {
    local answer pattern='"value" *: *"([A-Za-z0-9._-]+)"'
    [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] || refuse 'vault-audience: the job needs the permission id-token: write'
    answer=$(printf 'Authorization: Bearer %s' "$ACTIONS_ID_TOKEN_REQUEST_TOKEN" |
        curl -fsS -m 30 -H @- -G --data-urlencode "audience=$1" "$ACTIONS_ID_TOKEN_REQUEST_URL") ||
        refuse 'vault-audience: GitHub gave no token'
    [[ $answer =~ $pattern ]] || refuse 'vault-audience: GitHub gave no token'
    export SNOW_VAULT_JWT=${BASH_REMATCH[1]}
}

own=$(mktemp -d "$RUNNER_TEMP/snow-test.XXXXXXXXXX")
junit=$(path_of junit "${INPUT_JUNIT:-}" xml)
html=$(path_of html "${INPUT_HTML:-}" html)
json=$(path_of json "${INPUT_JSON:-}" json)

# All values are part of a flag, or come after --: none can be a flag itself.
arguments=(test --no-input --output=text
    "--output=github=$own/annotations" "--output=json=$own/outputs.json"
    "--output=junit=$junit" "--output=html=$html" "--output=json=$json")
if is_true all "${INPUT_ALL:-}"; then arguments+=(--all); fi
if is_true strict "${INPUT_STRICT:-}"; then arguments+=(--strict); fi
with() { if [ -n "$2" ]; then arguments+=("--$1=$2"); fi; }
with config "${INPUT_CONFIG:-}"
with table "${INPUT_TABLE:-}"
with expect-user "${INPUT_EXPECT_USER:-}"
with max-latency "${INPUT_MAX_LATENCY:-}"
with wait "${INPUT_WAIT:-}"
with retries "${INPUT_RETRIES:-}"
with timeout "${INPUT_TIMEOUT:-}"
while IFS= read -r label; do with filter "$label"; done <<<"${INPUT_FILTER:-}"
arguments+=(--)
for name in ${INPUT_CONNECTIONS:-}; do arguments+=("$name"); done

if [ -n "${INPUT_SNOW:-}" ]; then
    # A file: the name alone may be a builtin, as eval is.
    program=$(type -P -- "$INPUT_SNOW") || refuse 'snow: there is no such program'
elif ! program=$(type -P snow) || ! is_ours "$program"; then
    build
    program=$RUNNER_TEMP/snow/bin/snow
fi

if [ -n "${INPUT_VAULT_AUDIENCE:-}" ]; then id_token "$INPUT_VAULT_AUDIENCE"; fi

# What a server said stands in the log, and must not be taken for a command.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$token"
code=0
"$program" "${arguments[@]}" </dev/null 2>&1 || code=$?
printf '::%s::\n' "$token"

if [ -e "$own/annotations" ]; then
    cat "$own/annotations"
else
    printf '::error title=snow test::No test began, exit code %d; the log says why\n' "$code"
fi

ok=false
if [ "$code" = 0 ]; then ok=true; fi
report=
if [ -e "$own/outputs.json" ]; then report=$(<"$own/outputs.json"); fi
{
    printf '%s=%s\n' exit-code "$code" ok "$ok" passed "$(counted passed)" failed "$(counted failed)"
    # Without a test, what lies there is of an earlier one.
    if [ -n "$report" ]; then printf '%s=%s\n' junit "$junit" html "$html" json "$json"; fi
} >>"$GITHUB_OUTPUT"
exit "$code"
