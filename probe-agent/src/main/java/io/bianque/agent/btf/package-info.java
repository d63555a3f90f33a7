/**
 * Reads BTF, the kernel's own description of C types: from a probe's object file, and from the
 * running kernel.
 *
 * <p>Promises: every read is bounded, so a broken file ends in a {@link
 * io.bianque.agent.btf.BtfException} that names the offset and never in anything else; the kernel's
 * 5 MB are read through a small window and leave nothing on the heap. It knows nothing of Avro, of
 * libbpf, or of what a probe is.
 */
package io.bianque.agent.btf;
