#!/bin/sh
# Prints types as a kernel's BTF has them, to copy the fields that a probe needs into include/vmlinux.h:
#
#	./vmlinux-type.sh sk_buff net_device                  of the running kernel
#	BTF=vmlinux-5.10 ./vmlinux-type.sh sock               of a file with BTF: a vmlinux, or a copy of /sys/kernel/btf/vmlinux
set -eu
[ $# -gt 0 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2; }
command -v bpftool >/dev/null || { echo "bpftool is not installed (apt-get install bpftool)" >&2; exit 1; }

bpftool btf dump file "${BTF:-/sys/kernel/btf/vmlinux}" format c | awk -v names="$*" '
	BEGIN { count = split(names, list, " "); for (i = 1; i <= count; i++) wanted[list[i]] = 1 }
	/^(struct|union|enum) [a-z0-9_]+ \{$/ { printing = ($2 in wanted); if (printing) found[$2] = 1 }
	/^typedef / { name = $NF; sub(/;$/, "", name); if (name in wanted) { print; found[name] = 1 } }
	printing { print }
	/^\};$/ { printing = 0 }
	END { for (name in wanted) if (!(name in found)) { print "not in this BTF: " name > "/dev/stderr"; missing = 1 } exit missing }
'
