/**
 * The agent on kernels other than this machine's: Debian's own, booted by QEMU without
 * virtualization, with the agent's distribution in an initramfs.
 *
 * <p>Kernels come from Debian's archive by a private apt root and are only unpacked: nothing is
 * installed, and the machine's own apt state stays as it is. A guest has no network device; its
 * result comes back as a tar on a raw virtio disk.
 */
package io.bianque.tests.qemu;
