# Compacts on request, then asks for huge pages of memory that has been cut into small pieces.
# limit 60 s
set -eu
. /lib.sh

echo 1 > /proc/sys/vm/compact_memory
pieces=/tmp/pieces
mkdir "$pieces"
mount -t tmpfs -o size=90% tmpfs "$pieces"
trap 'echo 0 > /proc/sys/vm/nr_hugepages; umount "$pieces"; rmdir "$pieces"' EXIT
free_kb=$(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo)
dd if=/dev/zero of="$pieces/base" bs=1M count=$((free_kb * 6 / 10 / 1024)) 2>/dev/null
for i in $(seq 1500); do
    dd if=/dev/zero of="$pieces/$i" bs=60k count=1 2>/dev/null
done
for i in $(seq 1 2 1500); do
    rm "$pieces/$i"
done
rm "$pieces/base"
echo $((free_kb * 7 / 10 / 2048)) > /proc/sys/vm/nr_hugepages
cat /proc/sys/vm/nr_hugepages
grep compact_stall /proc/vmstat
