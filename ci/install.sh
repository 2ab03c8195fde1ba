#!/usr/bin/env bash
# install.sh FOLDER: puts `snowgauge` into FOLDER.
#
# The release SNOWGAUGE_VERSION, such as `0.1.0`, if that is set: downloaded, and refused unless its
# checksum is the published one. Otherwise it is built from this repository.
#
#   SNOWGAUGE_RELEASES  where releases are [GitHub's releases of the project]
set -euo pipefail
folder=$(mkdir -p "${1:?a folder is needed}" && cd "$1" && pwd)
cd "$(dirname "$0")/.."

if [ -n "${SNOWGAUGE_VERSION:-}" ]; then
    releases=${SNOWGAUGE_RELEASES:-https://github.com/snowgauge/snowgauge/releases/download}
    case $(uname -sm) in
    'Linux x86_64') platform=x86_64-unknown-linux-gnu ;;
    'Linux aarch64') platform=aarch64-unknown-linux-gnu ;;
    'Darwin arm64') platform=aarch64-apple-darwin ;;
    *) echo "error: no release is built for $(uname -sm)" >&2 && exit 2 ;;
    esac
    name=snowgauge-$SNOWGAUGE_VERSION-$platform
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    for file in "$name.tar.gz" SHA256SUMS; do
        curl --fail --silent --show-error --location --retry 3 \
            --output "$work/$file" "$releases/v$SNOWGAUGE_VERSION/$file"
    done
    # Its one line, and no other: a file of checksums that does not name it checks nothing.
    grep -F "  $name.tar.gz" "$work/SHA256SUMS" >"$work/sum" ||
        { echo "error: SHA256SUMS does not name $name.tar.gz" >&2 && exit 2; }
    (cd "$work" && shasum -a 256 --check sum)
    tar -xzf "$work/$name.tar.gz" -C "$work"
    install -m 755 "$work/$name/snowgauge" "$folder/snowgauge"
else
    cargo build --locked --quiet --package snowgauge
    install -m 755 "${CARGO_TARGET_DIR:-target}/debug/snowgauge" "$folder/snowgauge"
fi

"$folder/snowgauge" --version
[ -z "${GITHUB_PATH:-}" ] || echo "$folder" >>"$GITHUB_PATH"
