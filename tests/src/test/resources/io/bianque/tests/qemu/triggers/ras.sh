# Machine checks and a PCIe error, injected by the kernel's own modules for it, which hand them to the kernel's decoders.
# needs module mce-inject
# limit 120 s
set -eu
. /lib.sh

inject=/sys/kernel/debug/mce-inject
[ -d "$inject" ] || skip "this kernel has no mce-inject"
await test -w "$inject/bank"

# machine_check STATUS ADDRESS: an Intel memory error on CPU 1, only recorded: the processor is not touched.
machine_check() {
    echo sw > "$inject/flags"
    echo 1 > "$inject/cpu"
    echo "$1" > "$inject/status"
    echo "$2" > "$inject/addr"
    echo 0 > "$inject/misc"
    echo 3 > "$inject/bank"
}

# Corrected, with an address; then with more of them lost before; then uncorrected, with the processor's context intact.
machine_check 0x9400000000000090 0x1234567000
machine_check 0xd400000000000090 0x1234568000
machine_check 0xb400000000000090 0x1234569000
