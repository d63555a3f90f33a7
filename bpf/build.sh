#!/bin/sh
# Compiles each *.bpf.c here into target/probes/*.bpf.o, those whose sources are newer than the object. Run by Maven.
set -eu
cd "$(dirname "$0")"

fail() {
	echo "bpf: $1" >&2
	exit 1
}

command -v clang >/dev/null || fail "clang is not installed: the eBPF objects cannot be built (apt-get install clang llvm)"
command -v llvm-strip >/dev/null || fail "llvm-strip is not installed (apt-get install llvm)"
echo '#include <bpf/bpf_helpers.h>' | clang -target bpf -include include/vmlinux.h -fsyntax-only -x c - 2>/dev/null ||
	fail "libbpf's headers are not installed (apt-get install libbpf-dev), or this clang has no bpf target"

if command -v clang-format >/dev/null; then
	clang-format --dry-run --Werror ./*.bpf.c include/*.h || fail "not formatted: clang-format -i bpf/*.bpf.c bpf/include/*.h"
else
	echo "bpf: clang-format is not installed: the format of the sources is not checked" >&2
fi

mkdir -p target/probes
for source in *.bpf.c; do
	object=target/probes/${source%.c}.o
	if [ -e "$object" ] && [ -z "$(find "$source" include build.sh -newer "$object")" ]; then
		continue
	fi
	echo "bpf: $source"
	# The object is the same wherever the checkout lies.
	clang -target bpf -g -O2 -Wall -Werror -ffile-prefix-map="$PWD"=bpf -c "$source" -o "$object.new"
	# DWARF goes, BTF stays
	llvm-strip -g "$object.new"
	mv "$object.new" "$object"
done
