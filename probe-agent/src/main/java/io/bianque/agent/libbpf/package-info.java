/**
 * eBPF objects, programs, maps and event channels in Java terms, on libbpf 1.1 or later.
 *
 * <p>Three rooms: the public classes speak of objects and channels; {@link
 * io.bianque.agent.libbpf.Libbpf} and {@link io.bianque.agent.libbpf.Libc} are the C functions
 * under their C names; {@link io.bianque.agent.libbpf.NativeCall} is the one way into native code.
 * This package alone imports {@code java.lang.foreign}: out of it come Java values and byte
 * buffers. It knows nothing of probes, schemas or events.
 */
package io.bianque.agent.libbpf;
