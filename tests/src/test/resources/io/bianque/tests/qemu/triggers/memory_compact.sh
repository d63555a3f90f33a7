# Compacts on request, then asks for huge pages of memory that has been cut into small pieces.
# needs program fallocate
# limit 120 s
set -eu
. /lib.sh

echo 1 > /proc/sys/vm/compact_memory
pieces=/tmp/pieces
mkdir "$pieces"
mount -t tmpfs -o size=95% tmpfs "$pieces"
trap 'echo 0 > /proc/sys/vm/nr_hugepages; umount "$pieces"; rmdir "$pieces"' EXIT
free_mb() { echo $(($(sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024)); }
free=$(free_mb)
# Half of the memory in one piece, a third in small ones, of which every other one goes, and the large one too. No
# process for each: they are dear in a guest.
fallocate -l "$((free / 2))M" "$pieces/large"
for i in $(seq 100001 $((100000 + free * 1024 / 3 / 60))); do
    printf '%60000s' x > "$pieces/$i"
done
rm "$pieces/large" "$pieces"/*[13579]
# More than there is in large blocks.
echo $(($(free_mb) * 9 / 10 / 2)) > /proc/sys/vm/nr_hugepages
cat /proc/sys/vm/nr_hugepages
grep compact_stall /proc/vmstat
