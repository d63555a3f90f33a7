/**
 * The agent with all its probes on kernels other than this machine's: Debian's own, booted by QEMU
 * without virtualization, with the agent's distribution in an initramfs.
 *
 * <p>A guest boots once: the agent records while {@code triggers/<probe>.sh} of every probe runs,
 * one after the other, and {@code expect.<Probe>Expectation} says afterwards what must have been
 * seen. docs/kernels.md is what came of it.
 *
 * <p>Kernels come from Debian's archive by a private apt root and are only unpacked: nothing is
 * installed, and the machine's own apt state stays as it is. A guest has no network; its result
 * comes back as a tar on a raw virtio disk.
 */
package io.bianque.tests.qemu;
