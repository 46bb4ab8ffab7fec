#!/bin/sh
# Installs the newest wheel of dist/ into fresh environments and uses it as a stranger would:
# with no repository on the path and no Node.
#
#   usage: search_with_the_wheel.sh [FOLDER_WITH_PHOTOS]
#
# Exits 0 when the archive and the bare toolkits both work; anything else is a fault of the wheel.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
photos=${1:-$root/examples/sample_library}
python=${PYTHON:-python3}

say() { printf '%s\n' "== $*"; }
fail() { printf '%s\n' "search_with_the_wheel: $*" >&2; exit 1; }

wheel=$(ls -t "$root"/dist/museion-*.whl 2>/dev/null | head -1)
[ -n "$wheel" ] || fail "no wheel is in $root/dist; run make wheel."
say "wheel: $(basename "$wheel"), $(($(wc -c <"$wheel") / 1048576)) MiB"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV || true

install() { # ENVIRONMENT REQUIREMENT
	"$python" -m venv "$1"
	"$1/bin/python" -m pip install -qq --disable-pip-version-check "$2"
}

say "the toolkits alone: pip install museion"
install bare "$wheel"
bare/bin/python -I "$here/use_the_toolkits.py"
bare/bin/museion log --help >/dev/null || fail "the bare package should have the tools of the log."
if bare/bin/museion status >bare.out 2>&1; then
	fail "a command of the archive should name museion[archive] instead of running."
fi
grep -q 'museion\[archive\]' bare.out || fail "the bare command does not say what to install."

say "the whole archive: pip install museion[archive]"
install whole "museion[archive] @ file://$wheel"
# Nothing but this environment and a shell is on the path: no Node, no repository.
mkdir tools
ln -s "$(command -v sh)" tools/sh
path=$work/whole/bin:$work/tools
if PATH=$path command -v node >/dev/null; then
	fail "a Node is on the path, so this would prove nothing."
fi

PATH=$path python -I "$here/use_the_archive.py" "$root" "$photos"
say "the wheel works"
