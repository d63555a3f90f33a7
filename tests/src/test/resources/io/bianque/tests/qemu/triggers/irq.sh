# Reads from a disk, which interrupts when it is done.
# needs module virtio_pci virtio_blk
# needs program dd
set -eu

dd if=/dev/vdb of=/dev/null bs=4096 count=20 iflag=direct
