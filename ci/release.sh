#!/usr/bin/env bash
# release.sh VERSION [ARGUMENT...]: builds `snowgauge` and packs it, with its checksum, into `dist/`.
#
# VERSION has to be the package's: a tag that names another one is a mistake. ARGUMENTs go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1:?a version is needed}
shift

host=$(rustc -vV | sed -n 's/^host: //p')
name=snowgauge-$version-$host
target=${CARGO_TARGET_DIR:-target}

cargo build --locked --release --package snowgauge --bin snowgauge "$@"
built=$("$target/release/snowgauge" --version)
if [ "$built" != "snowgauge $version" ]; then
    echo "error: \`$built\` was built, and \`$version\` is to be released" >&2
    exit 2
fi

rm -rf "dist/$name" "dist/$name.tar.gz"
mkdir -p "dist/$name"
cp "$target/release/snowgauge" README.md LICENSE-MIT LICENSE-APACHE "dist/$name/"
tar -czf "dist/$name.tar.gz" -C dist "$name"
rm -rf "dist/$name"
(cd dist && shasum -a 256 "$name.tar.gz" >"$name.tar.gz.sha256" && cat "$name.tar.gz.sha256")
