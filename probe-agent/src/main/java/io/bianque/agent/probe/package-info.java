/**
 * Probes and their lives: a probe is a pair of files, {@code x.bpf.o} and {@code x.avsc}, and this
 * package knows none by name. It finds the pairs, sets tunables, tries the variants of each hook in
 * turn, takes events out of the kernel, has them encoded and hands them to an {@link
 * io.bianque.agent.probe.EventSink}, and accounts for every one of them.
 *
 * <p>What needs no program in the kernel is a probe as well: a schema, and a source of the agent
 * with the same name, of package {@code source}.
 *
 * <p>One probe's failure is that probe's state, and touches no other. It must not know Kafka,
 * configuration files or what an event means.
 */
package io.bianque.agent.probe;
