/**
 * What code that processes run is called. Of files, tables of symbols on request: by GNU build id
 * and offset in the file, so that one host's table serves every process of every host that runs the
 * file. Of what processes compile themselves, names at once, by address: {@link
 * io.bianque.agent.binary.PerfMaps}.
 *
 * <p>Anybody who may run a program may have written these files, so nothing in them is believed:
 * all that is read is checked and bounded. It knows nothing of probes and of Kafka.
 */
package io.bianque.agent.binary;
