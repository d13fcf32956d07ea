#!/usr/bin/env bash
# Fuzzes one target, or all: fuzz/run.sh [target] [runs]
# Builds on stable Rust; with ASAN=1 under AddressSanitizer (which needs RUSTC_BOOTSTRAP=1, set here).
set -euo pipefail
cd "$(dirname "$0")"
targets=(lines keys text command sse record certificate proxy wire ssh)
[ $# -ge 1 ] && [ "$1" != all ] && targets=("$1")
runs="${2:-10000000}"

flags="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
if [ "${ASAN:-}" = 1 ]; then
    export RUSTC_BOOTSTRAP=1
    flags+=" -Zsanitizer=address"
fi
host="$(rustc -vV | sed -n 's/^host: //p')"
# A target of its own keeps build scripts and macros without the instrumentation.
RUSTFLAGS="$flags" cargo build --release --target "$host" --bins
for target in "${targets[@]}"; do
    echo "== $target"
    mkdir -p "work/$target"
    "target/$host/release/$target" -runs="$runs" -max_total_time="${MAX_SECS:-1800}" -max_len="${MAX_LEN:-4096}" \
        -dict="dict/$target.dict" "work/$target" "corpus/$target"
done
