#!/usr/bin/env bash
# record.sh FOLDER: a new recording of the account into FOLDER, in place of the one there.
#
# SNOWGAUGE_CONNECTION as in nightly.sh; SNOWGAUGE_MAX_CREDITS [12], since all suites are recorded. Names
# of the account and of people are replaced before anything is written, and a recording with a secret in
# it is not written at all.
folder=${1:?a folder is needed}
source "$(dirname "$0")/common.sh"

find_snowgauge
connection=${SNOWGAUGE_CONNECTION:-}
case $connection in
'') target=(--target emulator) ;;
environment) target=(--target live --max-credits "${SNOWGAUGE_MAX_CREDITS:-12}") ;;
*) target=(--connection "$connection" --max-credits "${SNOWGAUGE_MAX_CREDITS:-12}") ;;
esac
rm -rf "$folder"
run_step record snowgauge record "${target[@]}" --fixtures "$folder"
finish
